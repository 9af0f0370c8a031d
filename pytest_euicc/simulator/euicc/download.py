"""ES10b on the eUICC, the part of a download: sessions and loading (SGP.22 5.7.5, 5.7.6, 5.7.13, 5.7.14)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.rat import authorises, rule_names
from pytest_euicc.simulator.euicc import revocation
from pytest_euicc.simulator.euicc import session as sessions
from pytest_euicc.simulator.euicc.core import FIRST_ISDP, LAST_ISDP, EuiccCore, isdp_aid
from pytest_euicc.simulator.euicc.es10b import info2
from pytest_euicc.simulator.euicc.installer import Installer, Load, LoadFault
from pytest_euicc.simulator.euicc.package import PackageReader
from pytest_euicc.simulator.euicc.package_files import PackageFile
from pytest_euicc.simulator.euicc.profile_files import EF_ICCID
from pytest_euicc.simulator.euicc.session import RspSession
from pytest_euicc.simulator.euicc.settings import rat_value
from pytest_euicc.simulator.euicc.state import Notification, Profile, notification_metadata


class NotAllowed(Exception):
    """The command does not fit the state of the session: conditions of use not satisfied (6985)."""


def authenticate_server(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.13."""
    codec.decode("AuthenticateServerRequest", request)
    answer, core.session = sessions.authenticate_server(
        core.session, request, core.credentials, lambda: info2(core), core.time, core.defective,
        lambda certificate: not core.defective("ignores-revoked-dpauth") and revocation.is_revoked(core, certificate),
    )  # fmt: skip
    return answer


def prepare_download(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.5."""
    codec.decode("PrepareDownloadRequest", request)
    answer, core.session = sessions.prepare_download(
        core.session, request, core.credentials, core.state.kept_keys, core.new_key, core.time, core.defective,
        lambda certificate: not core.defective("ignores-revoked-dppb") and revocation.is_revoked(core, certificate),
    )  # fmt: skip
    return answer


def cancel_session(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.14."""
    if core.session.server is None and core.defective("cancel-without-session-is-refused"):
        raise NotAllowed
    answer, core.session = sessions.cancel_session(core.session, request, core.credentials, core.defective)
    return answer


# ---------------------------------------------------------------------------------------------------- loading


def load_segment(core: EuiccCore, data: bytes) -> bytes:
    """Take one segment; the Profile Installation Result once the load is over, nothing before (SGP.22 5.7.6).

    Raises:
        NotAllowed: no download was prepared.
    """
    server, download = core.session.server, core.session.download
    if server is None or download is None:
        raise NotAllowed
    if core.installer is None:
        core.installer = Installer(
            server,
            download,
            core.settings.eid,
            lambda metadata: _accept_metadata(core, metadata),
            lambda iccid: PackageReader(iccid, core.free_memory, core.settings.uicc_capability),
            core.defective,
        )
        if core.settings.reuse_keys:
            # The key is kept until it was used for a load that got through (SGP.22 5.7.5).
            keys = (key for key in core.state.kept_keys if key.public_key != download.one_time_key.public_key)
            core.state = replace(core.state, kept_keys=(*keys, download.one_time_key)[-4:])
    installer = core.installer
    try:
        load = installer.feed(data)
    except LoadFault as fault:
        return _finish(core, installer, ("errorResult", _error(fault)), None)
    if load is None:
        return b""
    aid = _free_aid(core)
    success = {"aid": aid, "simaResponse": load.sima_response}
    return _finish(core, installer, ("successResult", success), _profile(load, aid))


def _error(fault: LoadFault) -> dict[str, Any]:
    value: dict[str, Any] = {"bppCommandId": fault.command, "errorReason": fault.reason}
    return value | ({} if fault.sima_response is None else {"simaResponse": fault.sima_response})


def _free_aid(core: EuiccCore) -> bytes:
    taken = {profile.aid for profile in core.state.profiles}
    return next(aid for number in range(FIRST_ISDP, LAST_ISDP + 1) if (aid := isdp_aid(number)) not in taken)


def _profile(load: Load, aid: bytes) -> Profile:
    metadata = {
        name: value
        for name, value in load.metadata.items()
        if name not in ("iccid", "serviceSpecificDataNotStoredInEuicc")
    }
    files = {(EF_ICCID,): PackageFile(load.package.iccid)} | load.package.files
    return Profile(load.package.iccid, aid, False, None, metadata, files, load.package.memory)


def _finish(core: EuiccCore, installer: Installer, result: tuple[str, Any], profile: Profile | None) -> bytes:
    """Close the session, keep the signed result as a notification, and the profile if there is one."""
    server, download = core.session.server, core.session.download
    assert server is not None  # noqa: S101
    assert download is not None  # noqa: S101
    number = core.next_number()
    iccid = installer.metadata.get("iccid")
    data = codec.encode(
        "ProfileInstallationResultData",
        {
            "transactionId": server.transaction_id,
            "notificationMetadata": notification_metadata(number, "install", server.address, iccid),
            "smdpOid": download.certificate.oid,
            "finalResult": result,
        },
    )
    key = core.credentials.identities[server.ci_key_id].private_key
    octets = tlv.encode(0xBF37, data + tlv.encode(0x5F37, signatures.sign(key, data)))
    if profile is not None:
        used = download.one_time_key.public_key
        keys = tuple(entry for entry in core.state.kept_keys if entry.public_key != used)
        core.state = replace(core.state, profiles=(*core.state.profiles, profile), kept_keys=keys)
    core.queue(Notification(number, "install", server.address, iccid, octets))
    if profile is not None:
        core.notify(profile, "install")
    core.session, core.installer = RspSession(), None
    return octets


def _accept_metadata(core: EuiccCore, metadata: dict[str, Any]) -> None:
    """The card's own checks of a StoreMetadataRequest (SGP.22 5.5.3); raises LoadFault."""
    if core.state.find(("iccid", metadata["iccid"])) and not core.defective("accepts-same-iccid"):
        raise LoadFault("storeMetadata", "installFailedDueToIccidAlreadyExistsOnEuicc")
    if int(metadata.get("profileClass", 2)) == 0 and "testProfileSupport" not in core.settings.rsp_capability:
        raise LoadFault("storeMetadata", "unsupportedProfileClass")
    rules = rule_names(metadata.get("profilePolicyRules", (b"", 0))) - {"pprUpdateControl"}
    if not rules or core.defective("ignores-rat"):
        return
    operational = any(profile.is_operational for profile in core.state.profiles)
    if rules & core.settings.forbidden_ppr or ("ppr1" in rules and operational):
        raise LoadFault("storeMetadata", "pprNotAllowed")
    owner = metadata.get("profileOwner")
    for rule in rules:
        if not authorises(rat_value(core.settings), rule, owner):
            raise LoadFault("storeMetadata", "pprNotAllowed")


HANDLERS = {
    0xBF38: authenticate_server,
    0xBF21: prepare_download,
    0xBF41: cancel_session,
    0xBF35: revocation.load_crl,
}
