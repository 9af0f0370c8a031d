"""State changes by the IPA: rollback, immediate enabling, fallback, emergency profile (SGP.32 5.9.15 to 5.9.23)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.iot import signing, switching
from pytest_euicc.simulator.euicc.iot.operations import configure_immediate
from pytest_euicc.simulator.euicc.iot.state import Change, Emergency, KeptResult, RollbackGrant
from pytest_euicc.simulator.euicc.iot.switching import fallback_profile, update
from pytest_euicc.simulator.euicc.state import Profile

_OK, _BUSY = 0, 5
_PPR1 = 1


def _refresh_flag(type_name: str, request: bytes) -> bool:
    return bool(codec.decode(type_name, request)["refreshFlag"])


def busy(core: EuiccCore) -> bool:
    """Whether catBusy is due: a proactive session goes on, or the REFRESH of a change has not come to its end."""
    if core.defective("iot-ignores-pending-refresh"):
        return False
    return core.busy or core.state.iot.pending is not None


def profile_rollback(core: EuiccCore, request: bytes) -> bytes:
    """Undo the last enabling, where its package granted that (SGP.32 5.9.16)."""
    refresh = _refresh_flag("ProfileRollbackRequest", request)
    grant = core.state.iot.rollback
    value: dict[str, Any] = {"cmdResult": _OK}
    if grant is None:
        value["cmdResult"] = _OK if core.defective("iot-rollback-without-grant-is-ok") else 1
    elif busy(core):
        value["cmdResult"] = _BUSY
    elif core.state.find(("iccid", grant.previous)) is None:
        value["cmdResult"] = 127
    else:
        value["euiccPackageResult"] = _rolled_back(core, grant, refresh=refresh)
    if core.defective("iot-rollback-result-left-out"):
        value.pop("euiccPackageResult", None)
    answer = codec.encode("ProfileRollbackResponse", value)
    if core.defective("iot-rollback-code-is-tagged"):
        element = tlv.parse(answer)
        return tlv.encode(0xBF58, b"\x80" + element.value[1:])
    return answer


def _rolled_back(core: EuiccCore, grant: RollbackGrant, *, refresh: bool) -> tuple[str, Any]:
    number = core.next_number()
    transaction = {} if grant.transaction is None else {"eimTransactionId": grant.transaction}
    counter = grant.counter + 1 if core.defective("iot-rollback-names-next-counter") else grant.counter
    if core.defective("iot-rollback-keeps-number"):
        number = grant.result
    header = {"eimId": grant.eim.eim_id, "counterValue": counter, "seqNumber": number} | transaction
    data = codec.encode("EuiccPackageResultDataSigned", header | {"euiccResult": [("rollbackResult", _OK)]})
    answer = signing.package_result(core, grant.eim, data, 0xA0)
    results = tuple(entry for entry in core.state.iot.results if entry.number != grant.result)
    if core.defective("iot-rollback-keeps-result"):
        results = core.state.iot.results
    if not core.defective("iot-rollback-result-not-kept"):
        results = (*results, KeptResult(number, answer))
    pending = core.state.notifications
    if not core.defective("iot-rollback-keeps-notifications"):
        kept_event = "disable" if core.defective("iot-rollback-keeps-disable-notification") else ""
        undone = grant.notifications
        pending = tuple(entry for entry in pending if entry.number not in undone or entry.event == kept_event)
    core.state = replace(core.state, notifications=pending, last_number=max(number, core.state.last_number))
    kept = grant if core.defective("iot-rollback-twice") else None
    update(core, results=results, rollback=kept)
    if not core.defective("iot-rollback-has-no-effect"):
        notify = core.varies("iot-rollback-notifies")
        switching.change(core, Change(grant.previous, notify=notify), refresh=refresh)
    value: tuple[str, Any] = codec.decode("EuiccPackageResult", answer)
    return value


def configure_immediate_enabling(core: EuiccCore, request: bytes) -> bytes:
    """ConfigureImmediateProfileEnabling, as long as no eIM is associated (SGP.32 5.9.17)."""
    value = codec.decode("ConfigureImmediateProfileEnablingRequest", request)
    settings = core.settings.sgp32
    code = _OK
    if not settings.immediate_enable:
        code = _OK if core.defective("iot-absent-immediate-is-ok") else 127
    elif core.state.iot.eims and not core.defective("iot-configures-immediate-at-any-time"):
        code = 2
    else:
        configure_immediate(core, value)
    return codec.encode("ConfigureImmediateProfileEnablingResponse", {"configImmediateEnableResult": code})


def immediate_enable(core: EuiccCore, request: bytes) -> bytes:
    """Enable the profile that was installed just now (SGP.32 5.9.15)."""
    refresh = _refresh_flag("ImmediateEnableRequest", request)
    code = _immediate_code(core)
    if code == _OK and core.installed is not None:
        switching.change(core, Change(core.installed.iccid), refresh=refresh)
        core.immediately_enabled = True
        if not core.defective("iot-immediate-keeps-session"):
            core.installed = None
        _forget_ways_back(core)
    return codec.encode("ImmediateEnableResponse", {"immediateEnableResult": code})


def _immediate_code(core: EuiccCore) -> int:
    wanted, installed = core.state.iot.immediate, core.installed
    if not wanted.flag and not core.defective("iot-immediate-unconfigured"):
        return 1
    if installed is None:
        if core.defective("iot-immediate-without-download-is-ok"):
            return _OK
        return 127 if core.immediately_enabled and core.varies("iot-second-immediate-is-undefined") else 4
    other_oid = wanted.oid not in (None, installed.smdp_oid) and not core.defective("iot-immediate-ignores-oid")
    address = wanted.address or core.state.default_address
    other = address != installed.address and not core.defective("iot-immediate-ignores-address")
    current = core.state.enabled
    if other_oid or other:
        return 4 if core.varies("iot-other-server-is-no-session") else 1
    if busy(core):
        return _BUSY
    if current is not None and current.has_rule(_PPR1) and not core.defective("iot-immediate-ignores-ppr1"):
        return 1 if core.varies("iot-ppr1-makes-immediate-unavailable") else 127
    return _OK


def _forget_ways_back(core: EuiccCore) -> None:
    """A change by the IPA ends what rollback and return could go back to."""
    if not core.defective("iot-rollback-outlives-changes"):
        update(core, rollback=None)
    update(core, return_to=None)


def execute_fallback(core: EuiccCore, request: bytes) -> bytes:
    """Enable the fallback profile (SGP.32 5.9.20)."""
    refresh = _refresh_flag("ExecuteFallbackMechanismRequest", request)
    code, target, current = _fallback_code(core), fallback_profile(core), core.state.enabled
    if code == _OK and target is not None and not core.defective("iot-fallback-has-no-effect"):
        _forget_ways_back(core)
        returns = current.iccid if current is not None and not core.defective("iot-forgets-return-profile") else None
        update(core, return_to=returns)
        notify = not core.defective("iot-fallback-without-notifications")
        switching.change(core, Change(target.iccid, notify=notify), refresh=refresh)
    return codec.encode("ExecuteFallbackMechanismResponse", {"executeFallbackMechanismResult": code})


def _fallback_code(core: EuiccCore) -> int:
    target, current = fallback_profile(core), core.state.enabled
    if core.state.iot.emergency is not None and not core.defective("iot-fallback-in-emergency"):
        return 104
    if busy(core):
        return _BUSY
    if current is None and not core.defective("iot-fallback-from-nothing"):
        return 7
    bound = current is not None and current.has_rule(_PPR1)
    if bound and target is not None and core.varies("iot-ppr1-stops-fallback"):
        return 127
    if target is None:
        return _OK if core.defective("iot-fallback-to-nothing-is-ok") else 6
    if target == current:
        return _OK if core.defective("iot-fallback-again-is-ok") else 2
    return _OK


def return_from_fallback(core: EuiccCore, request: bytes) -> bytes:
    """Go back to the profile that was enabled before the fallback (SGP.32 5.9.21)."""
    refresh = _refresh_flag("ReturnFromFallbackRequest", request)
    back, current = core.state.iot.return_to, core.state.enabled
    target = None if back is None else core.state.find(("iccid", back))
    in_fallback = current is not None and current == fallback_profile(core)
    if busy(core):
        code = _BUSY
    elif target is None or not in_fallback:
        code = _OK if core.defective("iot-return-without-fallback-is-ok") else 6
    else:
        code = _OK
        update(core, return_to=None)
        if not core.defective("iot-rollback-outlives-changes"):
            update(core, rollback=None)
        if core.defective("iot-return-takes-attribute") and current is not None:
            switching.mark(core, current, fallback=False)
        if not core.defective("iot-return-has-no-effect"):
            switching.change(core, Change(target.iccid), refresh=refresh)
    return codec.encode("ReturnFromFallbackResponse", {"returnFromFallbackResult": code})


def _emergency_profile(core: EuiccCore) -> Profile | None:
    settings = core.settings.iot
    if settings is None or not settings.ecall:
        return None
    return next((profile for profile in core.state.profiles if profile.metadata.get("ecallIndication")), None)


def enable_emergency_profile(core: EuiccCore, request: bytes) -> bytes:
    """Enable the profile with ecallIndication, whatever the rules of the enabled one (SGP.32 5.9.22)."""
    refresh = _refresh_flag("EnableEmergencyProfileRequest", request)
    target, current = _emergency_profile(core), core.state.enabled
    code = _OK
    if target is None:
        code = _OK if core.defective("iot-emergency-without-profile-is-ok") else 8
    elif target == current or core.state.iot.emergency is not None:
        code = _OK if core.defective("iot-emergency-again-is-ok") else 2
    elif busy(core):
        code = _BUSY
    elif current is not None and current.has_rule(_PPR1) and core.varies("iot-ppr1-stops-emergency"):
        code = 127
    elif not core.defective("iot-emergency-has-no-effect"):
        _forget_ways_back(core)
        update(core, emergency=Emergency(current.iccid if current else None))
        notify = core.defective("iot-emergency-notifies")
        switching.change(core, Change(target.iccid, notify=notify), refresh=refresh)
    return codec.encode("EnableEmergencyProfileResponse", {"enableEmergencyProfileResult": code})


def disable_emergency_profile(core: EuiccCore, request: bytes) -> bytes:
    """Go back to the profile from before the emergency (SGP.32 5.9.23)."""
    refresh = _refresh_flag("DisableEmergencyProfileRequest", request)
    emergency = core.state.iot.emergency
    code = _OK
    if emergency is None:
        code = _OK if core.defective("iot-no-emergency-is-ok") else 2
    elif busy(core):
        code = _BUSY
    else:
        if not core.defective("iot-emergency-never-ends"):
            update(core, emergency=None)
        former = None if core.defective("iot-emergency-leaves-none") else emergency.former
        notify = core.varies("iot-end-of-emergency-notifies")
        switching.change(core, Change(former, notify=notify), refresh=refresh)
    return codec.encode("DisableEmergencyProfileResponse", {"disableEmergencyProfileResult": code})
