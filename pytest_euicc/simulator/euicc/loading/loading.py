"""ES10b.LoadBoundProfilePackage on the eUICC: segments in, the signed result out and kept (SGP.22 2.5.6, 5.7.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.euicc.core import FIRST_ISDP, LAST_ISDP, EuiccCore, isdp_aid
from pytest_euicc.simulator.euicc.es10.session import RspSession
from pytest_euicc.simulator.euicc.iot.state import Installed
from pytest_euicc.simulator.euicc.loading.accepting import accept_metadata, kept_metadata
from pytest_euicc.simulator.euicc.loading.es8plus import LoadFault, LoadSession
from pytest_euicc.simulator.euicc.loading.installer import Installer, Load
from pytest_euicc.simulator.euicc.loading.package import PackageReader
from pytest_euicc.simulator.euicc.loading.package_files import PackageFile
from pytest_euicc.simulator.euicc.state import Notification, Profile, notification_metadata
from pytest_euicc.simulator.euicc.uicc.profile_files import EF_ICCID
from pytest_euicc.simulator.euicc.variants import elements, loads

Result = tuple[str, dict[str, Any]]


class NotAllowed(Exception):
    """The command does not fit the state of the session: conditions of use not satisfied (6985)."""


def load_segment(core: EuiccCore, data: bytes) -> bytes:
    """Take one segment; the Profile Installation Result once the load is over, nothing before (SGP.22 5.7.6).

    Raises:
        NotAllowed: no download was prepared.
    """
    installer = core.installer or _installer(core)
    core.installer = installer
    try:
        load = installer.feed(data)
    except LoadFault as fault:
        whole = installer.after_all() if core.defective("installs-in-spite-of-an-error") else None
        profile = None if whole is None else _profile(core, whole)
        return _close(core, installer, ("errorResult", _error(core, fault)), profile)
    if load is None:
        return b"\x05\x00" if core.defective("answers-segments") else b""
    profile = _profile(core, load)
    response = b"" if core.defective("success-without-euicc-response") else load.sima_response
    success = {"aid": profile.aid, "simaResponse": response}
    return _close(core, installer, ("successResult", success), profile)


def recognised(core: EuiccCore, segment: bytes) -> bool:
    """False for what can be no part of a package: it is refused, and the load goes on without it (SGP.22 3.1.5)."""
    if core.installer is None or core.defective("unknown-segment-ends-the-load"):
        return True
    try:
        return core.installer.recognises(segment)
    except tlv.TlvError:
        return True


_CANCEL_SESSION = 0xBF41
_SESSIONS = frozenset({0xBF2E, 0xBF38, 0xBF21, _CANCEL_SESSION, 0xBF34})
"""GetEUICCChallenge, AuthenticateServer, PrepareDownload, CancelSession, eUICCMemoryReset: they end a load."""


def command_between(core: EuiccCore, tag: int) -> bool:
    """Another ES10 command may come while a package is loaded; True if it is carried out.

    One that only asks leaves the load alone; CancelSession is never refused (SGP.22 3.1.5).
    """
    if core.installer is not None and tag == _CANCEL_SESSION and core.defective("refuses-cancel-in-a-load"):
        return False
    if core.installer is not None and core.defective("load-goes-silent-in-between"):
        core.installer.silent = True
    elif tag in _SESSIONS:
        core.installer = None
    return True


def _installer(core: EuiccCore) -> Installer:
    session = core.session
    if session.server is None or session.download is None:
        raise NotAllowed
    if session.download.confirmation_hash is not None and core.defective("loads-nothing-after-a-confirmation-code"):
        raise NotAllowed
    return Installer(
        LoadSession(session.server, session.download, core.settings.eid),
        lambda metadata: accept_metadata(core, metadata),
        lambda metadata: PackageReader(
            metadata, core.free_memory, core.settings.uicc_capability, core.defective, core.varies
        ),
        core.defective,
    )


def _error(core: EuiccCore, fault: LoadFault) -> dict[str, Any]:
    command, reason = fault.command, fault.reason
    if core.defective("result-names-the-first-command"):
        command = "initialiseSecureChannel"
    if core.defective("memory-fault-is-unknown") and "InsufficientMemory" in reason:
        reason = "installFailedDueToUnknownError"
    if core.defective("structure-and-security-mixed-up"):
        mixed = {"scp03tStructureError": "scp03tSecurityError", "scp03tSecurityError": "scp03tStructureError"}
        reason = mixed.get(reason, reason)
    value: dict[str, Any] = {"bppCommandId": command, "errorReason": reason}
    unreported = fault.sima_response is None or core.varies("errors-without-euicc-response")
    return value | ({} if unreported else {"simaResponse": fault.sima_response})


def _profile(core: EuiccCore, load: Load) -> Profile:
    taken = {profile.aid for profile in core.state.profiles}
    if core.varies("isdp-aids-not-again"):
        taken |= core.state.former_aids
    aid = next(aid for number in range(FIRST_ISDP, LAST_ISDP + 1) if (aid := isdp_aid(number)) not in taken)
    metadata = kept_metadata(core, load.metadata, load.configuration)
    files = {(EF_ICCID,): PackageFile(load.package.iccid)} | load.package.files
    enabled = core.defective("installs-enabled") and core.state.enabled is None
    package = load.package
    memory = loads.memory_taken(package.memory, core.varies)
    return Profile(package.iccid, aid, enabled, None, metadata, files, memory, mno_sd=package.mno_sd)


def _close(core: EuiccCore, installer: Installer, result: Result, profile: Profile | None) -> bytes:
    """End the session, keep the signed result as a notification, and the profile if there is one."""
    session = core.session
    assert session.server is not None  # noqa: S101
    assert session.download is not None  # noqa: S101
    number = core.next_number()
    iccid = installer.metadata.get("iccid")
    octets = _signed(core, session, number, iccid, result)
    failed = profile is None
    if failed and not core.defective("iot-immediate-after-failed-load"):
        core.installed = None
    if profile is not None and not core.defective("reports-without-installing"):
        core.state = replace(core.state, profiles=(*core.state.profiles, profile))
        oid = session.download.certificate.oid or ""
        core.installed = Installed(profile.iccid, oid, session.server.address)
        if not core.defective("uses-keys-of-installed-profiles"):
            core.forget_key(session.download.one_time_key)
    if not core.defective("keeps-no-error-result" if failed else "keeps-no-success-result"):
        kept = octets[:-1] + bytes([octets[-1] ^ 1]) if core.defective("kept-result-differs") else octets
        core.queue(Notification(number, "install", session.server.address, iccid, kept))
    if profile is not None and not core.defective("omits-install-notification"):
        core.notify(profile, "install")
    if core.defective("failed-load-gives-number-back") and failed:
        core.state = replace(core.state, last_number=number - 1)
    if not core.defective("session-survives-the-load"):
        core.session = RspSession()
    core.installer = None
    return octets


def _signed(core: EuiccCore, session: RspSession, number: int, iccid: bytes | None, result: Result) -> bytes:
    """A ProfileInstallationResult, BF37."""
    assert session.server is not None  # noqa: S101
    assert session.download is not None  # noqa: S101
    transaction, oid = session.server.transaction_id, session.download.certificate.oid
    address = "" if core.defective("result-without-address") else session.server.address
    named = None if core.defective("result-without-iccid") else iccid
    data = codec.encode(
        "ProfileInstallationResultData",
        {
            "transactionId": bytes(len(transaction)) if core.defective("result-of-no-transaction") else transaction,
            "notificationMetadata": notification_metadata(number, "install", address, named),
            "smdpOid": f"{oid}.1" if core.defective("result-names-another-oid") else oid,
            "finalResult": result,
        },
    )
    if core.varies("result-with-unknown-element"):
        data = elements.extended(data)
    key = core.credentials.identities[session.server.ci_key_id].private_key
    covered = data[:-1] if core.defective("result-signature-wrong") else data
    return tlv.encode(0xBF37, data + tlv.encode(0x5F37, signatures.sign(key, covered)))
