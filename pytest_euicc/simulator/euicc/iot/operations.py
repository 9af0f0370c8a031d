"""The operations of an eUICC Package: profile states and eIM configurations (SGP.32 3.4, 3.5.1, 5.13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.es10 import es10a
from pytest_euicc.simulator.euicc.es10.es10c import split_tags
from pytest_euicc.simulator.euicc.iot import eims
from pytest_euicc.simulator.euicc.iot.state import Change, Eim, ImmediateEnable
from pytest_euicc.simulator.euicc.iot.switching import fallback_profile, mark, remove, update
from pytest_euicc.simulator.euicc.settings import rat_value
from pytest_euicc.simulator.euicc.state import Profile, encode_profile_info
from pytest_euicc.simulator.euicc.variants import elements

_PPR1, _PPR2 = 1, 2
_OK, _NOT_FOUND, _WRONG_STATE, _POLICY, _BUSY, _NO_ROLLBACK, _RETURN_PROFILE = 0, 1, 2, 3, 5, 20, 21
_UNDEFINED = 127
_CHANGE_ONGOING = 11
_LONG_ADDRESS = 128
_LONG_TAG_LIST = 64
_ODD_FLAG = bytes.fromhex("8100")
"""rollbackFlag with a tag that the module does not give it, as met in the field."""
_DEFAULT_TAGS = [bytes.fromhex(tag) for tag in ("5A", "4F", "9F70", "91", "92", "95", "9F7B", "9F26", "9F67")]
"""SGP.32 5.9.14: what comes without a tag list."""

Result = tuple[str, Any]


class Run:
    """One package that runs: what its operations have planned and answered.

    Attributes:
        enabled: ICCID of the profile that is enabled after the REFRESH.
        rollback: ICCID of the profile that ProfileRollback brings back; None without a grant.
        abandoned: with a defect, what was planned is not to take effect.
        deleted_last, eims_deleted_last: ICCIDs and eimIds of what is deleted once the result is signed.
    """

    def __init__(self, core: EuiccCore, eim: Eim) -> None:
        self.core = core
        self.eim = eim
        current = core.state.enabled
        self.before = current.iccid if current else None
        self.enabled = self.before
        self.rollback: bytes | None = None
        self._deleted: list[bytes] = []
        self._enables = self._disables = 0
        self._touched = self._marked = False
        self.abandoned = False
        self.deleted_last: list[bytes] = []
        self.eims_deleted_last: list[str] = []

    @property
    def change(self) -> Change | None:
        """What the REFRESH has to bring about; None if no profile was enabled or disabled."""
        if not self._enables and not self._disables:
            return None
        return Change(self.enabled, tuple(self._deleted))

    def perform(self, operation: bytes, type_name: str) -> tuple[Result, bool]:
        """Run one operation: its result, and whether the next one may follow (SGP.32 5.9.1)."""
        try:
            received = codec.receive(type_name, operation)
        except codec.Asn1Error:
            if operation[:1] == b"\xa3" and self.core.varies("iot-odd-enable-is-undefined"):
                return ("enableResult", _UNDEFINED), False
            return ("processingTerminated", 2), False
        if received.unknown and self.core.varies("iot-unknown-elements-end-processing"):
            return ("processingTerminated", 2), False
        name, value = received.value
        self._marked = any(part.octets == _ODD_FLAG for part in received.unknown)
        if name == "deleteEim" and "eimId" not in value and self.core.varies("iot-nameless-deletion-is-damaged"):
            return ("processingTerminated", 2), False
        handler: Callable[[Any], Result] = getattr(self, f"_{_HANDLERS[name]}")
        result = handler(value)
        return result, _succeeded(result)

    # ------------------------------------------------------------------ profile states

    def _find(self, value: dict[str, Any]) -> Profile | None:
        profile = self.core.state.find(("iccid", value["iccid"]))
        return None if profile is not None and profile.iccid in self._deleted else profile

    def _enable(self, value: dict[str, Any]) -> Result:
        code = self._enable_code(value)
        return "enableResult", code

    def _enable_code(self, value: dict[str, Any]) -> int:
        core, target = self.core, self._find(value)
        if self._enables and not core.defective("iot-enables-twice"):
            return _UNDEFINED
        if core.busy and not core.defective("iot-runs-packages-before-refresh"):
            return _BUSY
        if target is None:
            return _OK if core.defective("iot-enable-unknown-is-ok") else _NOT_FOUND
        if target.iccid == self.enabled:
            return _OK if core.defective("iot-enable-again-is-ok") else _WRONG_STATE
        current = None if self.enabled is None else core.state.find(("iccid", self.enabled))
        if current is not None and current.has_rule(_PPR1) and not core.defective("iot-enable-ignores-ppr1"):
            return _POLICY
        if target.has_rule(_PPR1) and core.defective("iot-enable-minds-ppr1-of-the-profile"):
            return _POLICY
        rollback = "rollbackFlag" in value or (self._marked and core.varies("iot-rollback-flag-under-81"))
        granted = self.before is not None or core.defective("iot-rollback-without-profile")
        granted = granted and (core.settings.sgp32.rollback or core.defective("iot-grants-rollback-unsupported"))
        if rollback and not granted:
            return _NO_ROLLBACK
        if rollback and not core.defective("iot-ignores-rollback-flag"):
            self.rollback = self.before
        if core.defective("iot-always-grants-rollback"):
            self.rollback = self.before
        self._enables += 1
        self.enabled = target.iccid
        self._touched = True
        return _OK

    def _disable(self, value: dict[str, Any]) -> Result:
        return "disableResult", self._disable_code(value)

    def _disable_code(self, value: dict[str, Any]) -> int:
        core, target = self.core, self._find(value)
        if self._disables:
            return _WRONG_STATE if core.varies("iot-second-disable-by-state") else _UNDEFINED
        if self._enables and core.varies("iot-no-disable-behind-enable"):
            return _UNDEFINED
        if core.busy:
            return _BUSY
        if target is None:
            return _OK if core.defective("iot-disable-unknown-is-ok") else _NOT_FOUND
        if target.iccid != self.enabled:
            return _OK if core.defective("iot-disable-again-is-ok") else _WRONG_STATE
        if target.has_rule(_PPR1) and not core.defective("iot-disable-ignores-ppr1"):
            return _POLICY
        self._disables += 1
        self._touched = True
        if not core.defective("iot-disable-has-no-effect"):
            before = core.state.before_test if target.is_test else None
            self.enabled = None if core.varies("iot-test-profile-leaves-none") else before
        return _OK

    def _delete(self, value: dict[str, Any]) -> Result:
        return "deleteResult", self._delete_code(value)

    def _delete_code(self, value: dict[str, Any]) -> int:
        core, target = self.core, self._find(value)
        if target is None:
            return _OK if core.defective("iot-delete-unknown-is-ok") else _NOT_FOUND
        if target.iccid == self.enabled and not core.defective("iot-deletes-enabled"):
            return _WRONG_STATE
        if target.has_rule(_PPR2) and not core.defective("iot-delete-ignores-ppr2"):
            return _POLICY
        if target.iccid == self.rollback and not core.defective("iot-deletes-rollback-profile"):
            return _NO_ROLLBACK
        returns = core.state.iot.return_to == target.iccid and not core.defective("iot-deletes-return-profile")
        if returns and self.enabled == self.before:
            return _RETURN_PROFILE
        self._touched = True
        if target.enabled:
            self._deleted.append(target.iccid)
        elif core.varies("iot-profiles-are-deleted-last"):
            self.deleted_last.append(target.iccid)
        elif not core.defective("iot-delete-has-no-effect"):
            remove(core, target)
        return _OK

    # ------------------------------------------------------------------ what is asked

    def _list(self, value: dict[str, Any]) -> Result:
        if self._touched and not self.core.defective("iot-lists-during-change"):
            return "listProfileInfoResult", ("profileInfoListError", _CHANGE_ONGOING)
        return "listProfileInfoResult", profile_list(self.core, value)

    def _rat(self, value: dict[str, Any]) -> Result:  # noqa: ARG002
        rat = [] if self.core.defective("iot-empty-rat") else rat_value(self.core.settings)
        return "getRATResult", rat

    # ------------------------------------------------------------------ settings

    def _immediate(self, value: dict[str, Any]) -> Result:
        core = self.core
        if not core.settings.sgp32.immediate_enable:
            if core.defective("iot-absent-immediate-is-ok"):
                return "configureImmediateEnableResult", _OK
            undefined = core.varies("iot-absent-functions-are-undefined")
            return "configureImmediateEnableResult", _UNDEFINED if undefined else eims.COMMAND_ERROR
        configure_immediate(core, value)
        return "configureImmediateEnableResult", _OK

    def _set_fallback(self, value: dict[str, Any]) -> Result:
        return "setFallbackAttributeResult", self._set_fallback_code(value)

    def _set_fallback_code(self, value: dict[str, Any]) -> int:
        core, target, holder = self.core, self._find(value), fallback_profile(self.core)
        if not core.settings.sgp32.fallback and not core.defective("iot-absent-fallback-is-set"):
            return _UNDEFINED if core.varies("iot-absent-functions-are-undefined") else 2
        held = holder is not None and holder.enabled and not core.defective("iot-moves-enabled-fallback")
        if held and core.defective("iot-fallback-enabled-first"):
            return 3
        if target is None:
            return _OK if core.defective("iot-fallback-of-unknown-is-ok") else _NOT_FOUND
        anyone = core.defective("iot-any-profile-for-fallback") or core.defective("iot-absent-fallback-is-set")
        if not target.metadata.get("fallbackAllowed") and not anyone:
            return 2
        if held and target != holder:
            return 3
        if target.iccid == self.enabled and holder is None and core.varies("iot-fallback-not-for-enabled"):
            return 3
        if core.defective("iot-set-fallback-has-no-effect"):
            return _OK
        if holder is not None and not core.defective("iot-two-fallback-profiles"):
            mark(core, holder, fallback=False)
        mark(core, self._find(value) or target, fallback=True)
        return _OK

    def _unset_fallback(self, value: dict[str, Any]) -> Result:  # noqa: ARG002
        core, holder = self.core, fallback_profile(self.core)
        if holder is None:
            code = _OK if core.defective("iot-unset-nothing-is-ok") else 2
        elif holder.enabled and not core.defective("iot-unsets-enabled-fallback"):
            code = 3
        else:
            code = _OK
            if not core.defective("iot-unset-fallback-has-no-effect"):
                mark(core, holder, fallback=False)
        return "unsetFallbackAttributeResult", code

    def _default_address(self, value: dict[str, Any]) -> Result:
        return "setDefaultDpAddressResult", {"setDefaultDpAddressResult": set_address(self.core, value)}

    # ------------------------------------------------------------------ eIMs

    def _add_eim(self, value: dict[str, Any]) -> Result:
        try:
            token = eims.add(self.core, value)
        except eims.Refused as refused:
            return "addEimResult", ("addEimResultCode", refused.code)
        if token is None or self.core.defective("iot-does-not-tell-the-token"):
            return "addEimResult", ("addEimResultCode", _OK)
        return "addEimResult", ("associationToken", token)

    def _delete_eim(self, value: dict[str, Any]) -> Result:
        last = self.core.varies("iot-eims-are-deleted-last")
        code = eims.delete(self.core, value.get("eimId"), at_once=not last)
        if last and code in (_OK, eims.LAST_DELETED):
            self.eims_deleted_last.append(value["eimId"])
        return "deleteEimResult", code

    def _update_eim(self, value: dict[str, Any]) -> Result:
        return "updateEimResult", eims.update_eim(self.core, value)

    def _list_eim(self, value: dict[str, Any]) -> Result:  # noqa: ARG002
        listed = eims.listed(self.core)
        if not listed and self.core.varies("iot-no-eims-is-an-error"):
            return "listEimResult", ("listEimError", _UNDEFINED)
        return "listEimResult", ("eimIdList", listed)


_HANDLERS = {
    "enable": "enable",
    "disable": "disable",
    "delete": "delete",
    "listProfileInfo": "list",
    "getRAT": "rat",
    "configureImmediateEnable": "immediate",
    "setFallbackAttribute": "set_fallback",
    "unsetFallbackAttribute": "unset_fallback",
    "setDefaultDpAddress": "default_address",
    "addEim": "add_eim",
    "deleteEim": "delete_eim",
    "updateEim": "update_eim",
    "listEim": "list_eim",
}


def _succeeded(result: Result) -> bool:
    name, value = result
    match name:
        case "deleteEimResult":
            return value in (_OK, eims.LAST_DELETED)
        case "addEimResult":
            return bool(value[0] == "associationToken" or value[1] == _OK)
        case "listProfileInfoResult":
            return bool(value[0] == "profileInfoListOk")
        case "setDefaultDpAddressResult":
            return bool(value["setDefaultDpAddressResult"] == _OK)
    return not isinstance(value, int) or value == _OK


def profile_list(core: EuiccCore, value: dict[str, Any]) -> tuple[str, Any]:
    """The profiles that a ProfileInfoListRequest asks for, with the default tags of SGP.32 5.9.14."""
    profiles = list(core.state.profiles)
    criteria = value.get("searchCriteria")
    if criteria is not None and not core.defective("iot-list-ignores-criteria"):
        kind, wanted = criteria
        if kind == "profileClass":
            profiles = [profile for profile in profiles if profile.profile_class == wanted]
        else:
            found = core.find((kind, wanted))
            profiles = [found] if found else []
    long = len(value.get("tagList", b"")) > _LONG_TAG_LIST
    if long and core.varies("iot-long-tag-list-is-refused"):
        return "profileInfoListError", 1
    tags: list[bytes] | None = _DEFAULT_TAGS
    if "tagList" in value and not core.defective("iot-list-ignores-tags"):
        tags = split_tags(value["tagList"])
    if tags is None or (not tags and core.varies("iot-no-empty-tag-list")):
        return "profileInfoListError", 1
    if not profiles and core.defective("iot-empty-list-is-an-error"):
        return "profileInfoListError", 1
    if core.defective("iot-list-gives-icon"):
        tags = [*tags, b"\x94"]
    omitted = {"iot-list-omits-fallback": b"\x9f\x26", "iot-list-omits-ecall": b"\x9f\x7b",
               "iot-list-omits-fallback-allowed": b"\x9f\x67"}  # fmt: skip
    dropped = [tag for name, tag in omitted.items() if core.defective(name)]
    listed = [encode_profile_info(profile, [tag for tag in tags if tag not in dropped]) for profile in profiles]
    if core.defective("iot-list-shows-false"):
        listed = [{"fallbackAttribute": False} | entry for entry in listed]
    if core.defective("iot-list-states-wrong"):
        listed = [entry | ({"profileState": 0} if "profileState" in entry else {}) for entry in listed]
    return "profileInfoListOk", listed


def configure_immediate(core: EuiccCore, value: dict[str, Any]) -> None:
    """Take a configuration of immediate enabling; OID and address stay where none is given with the flag."""
    if core.defective("iot-immediate-configuration-has-no-effect"):
        return
    before, flag = core.state.iot.immediate, "immediateEnableFlag" in value
    if not flag and core.defective("iot-immediate-cannot-be-switched-off"):
        return
    oid, address = value.get("defaultSmdpOid"), value.get("defaultSmdpAddress")
    if flag and oid is None and address is None and not core.varies("iot-flag-alone-forgets-server"):
        oid, address = before.oid, before.address
    update(core, immediate=ImmediateEnable(flag, oid, address))


def set_address(core: EuiccCore, value: dict[str, Any]) -> int:
    """Set the default SM-DP+ address, or remove it with the empty string; a SetDefaultDpAddressResult."""
    if core.defective("iot-address-is-not-set") or (
        not value["defaultDpAddress"] and core.defective("iot-address-cannot-be-removed")
    ):
        return _OK
    if len(value["defaultDpAddress"]) > _LONG_ADDRESS and core.varies("iot-long-address-is-undefined"):
        return _UNDEFINED
    if core.defective("iot-address-is-truncated"):
        value = {"defaultDpAddress": value["defaultDpAddress"][:_LONG_ADDRESS]}
    es10a.set_default_dp_address(core, codec.encode("SetDefaultDpAddressRequest", value))
    return _OK


def result_octets(core: EuiccCore, result: Result) -> bytes:
    """One EuiccResultData; defects write it as some implementations do."""
    name, value = result
    if name == "listProfileInfoResult" and core.defective("iot-change-ongoing-untagged"):
        return _untagged_error(value)
    if name == "listEimResult" and core.defective("iot-eim-list-without-choice"):
        return tlv.encode(0xAB, b"".join(codec.encode("EimIdInfo", entry) for entry in value[1]))
    if name == "addEimResult" and core.defective("iot-add-eim-result-is-tagged"):
        return _tagged_code(value)
    if name == "processingTerminated" and core.defective("iot-termination-is-tagged"):
        return tlv.encode(0x80, bytes([value]))
    octets = codec.encode("EuiccResultData", (name, value))
    if name == "getRATResult" and value and core.varies("rules-with-unknown-element"):
        rules = tlv.parse(elements.extended_entries(tlv.encode(0xBF43, tlv.encode(0xA0, tlv.parse(octets).value))))
        octets = tlv.encode(0xA6, rules.children()[0].value)
    return octets


def _untagged_error(value: tuple[str, Any]) -> bytes:
    if value[0] == "profileInfoListOk":
        return codec.encode("EuiccResultData", ("listProfileInfoResult", value))
    return tlv.encode(0xBF2D, tlv.encode(0x02, bytes([value[1]])))


def _tagged_code(value: tuple[str, Any]) -> bytes:
    if value[0] == "associationToken":
        return codec.encode("EuiccResultData", ("addEimResult", value))
    return tlv.encode(0xA8, tlv.encode(0x80, bytes([value[1]])))
