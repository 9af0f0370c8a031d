"""The procedures of an LPA: common mutual authentication, download, notifications, cancel (SGP.22 3.0.1, 3.1.3, 3.5).

Every signed part travels from one side to the other as the octets that were received; nothing is decoded and encoded
again on the way, so a signature that breaks here was broken by one of the sides.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es10.isdr import Isdr, Reply
from pytest_euicc.lpa.activation_code import ActivationCode
from pytest_euicc.lpa.device import DEFAULT_DEVICE_INFO
from pytest_euicc.lpa.errors import (
    DownloadCancelled,
    EuiccRefused,
    InstallationFailed,
    LpaError,
    ServerRefused,
    SessionMismatch,
    UnreadableAnswer,
)
from pytest_euicc.lpa.metadata import Metadata, carried_metadata
from pytest_euicc.lpa.outcomes import Delivered, Es9, Installation, NotificationFault, NotificationReport, Session
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault
from pytest_euicc.rsp.rat import authorises

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done and how much it is in all."""

Consent = Callable[[Metadata], bool]
"""Asked once the metadata is known (SGP.22 3.1.3, step 6); False ends the session with endUserRejection."""


class Lpa:
    """An LPA on one eUICC.

    Args:
        isdr: the ISD-R on an open channel.
        server: makes the ES9+ client for an SM-DP+ address.
        device_info: DeviceInfo of SGP.22 4.2.
        progress: called before every step and every segment.
    """

    def __init__(
        self,
        isdr: Isdr,
        server: Callable[[str], Es9],
        *,
        device_info: dict[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._isdr = isdr
        self._server = server
        self._device_info = device_info or DEFAULT_DEVICE_INFO
        self._progress = progress or (lambda _step, _done, _total: None)
        self._clients: dict[str, Es9] = {}

    def __enter__(self) -> Lpa:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to all servers."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, address: str) -> Es9:
        """The client for an address; its connection is kept for the functions that follow."""
        if address not in self._clients:
            self._clients[address] = self._server(address)
        return self._clients[address]

    # ---------------------------------------------------------------- common mutual authentication, SGP.22 3.0.1

    def authenticate(self, address: str, matching_id: str | None = None, *, smdp_oid: str | None = None) -> Session:
        """Common mutual authentication with an SM-DP+, up to and with AuthenticateClient.

        Args:
            address: as in the activation code or the default SM-DP+ address.
            matching_id: None leaves it out, an empty one is sent empty.
            smdp_oid: OID the server's certificate must carry (from the activation code).

        Raises:
            LpaError: EuiccRefused, ServerRefused or SessionMismatch.
        """
        server = self._client(address)
        info1 = self._ask_card("get_euicc_info1", "5.7.8").octets
        challenge = bytes(self._ask_card("get_euicc_challenge", "5.7.7").value["euiccChallenge"])
        started = self._ask_server(
            server,
            "initiateAuthentication",
            {"euiccChallenge": _b64(challenge), "euiccInfo1": _b64(info1), "smdpAddress": address},
            "5.6.1",
        )
        server_signed1 = _octets(started, "serverSigned1")
        with _reading("ES9+.InitiateAuthentication", "5.6.1"):
            certificate = Certificate(_octets(started, "serverCertificate"))
        self._check_server(server_signed1, certificate, started, address, smdp_oid)
        response = self._ask_card_with(
            "authenticate_server",
            tlv.encode(
                0xBF38,
                server_signed1
                + _octets(started, "serverSignature1")
                + _octets(started, "euiccCiPKIdToBeUsed")
                + certificate.der
                + self._context(matching_id),
            ),
            "authenticateResponseError",
            "5.7.13",
        )
        session = Session(server, bytes.fromhex(started["transactionId"]), certificate, response)
        answer = self._ask_server(
            server,
            "authenticateClient",
            {"transactionId": started["transactionId"], "authenticateServerResponse": _b64(response)},
            "5.6.3",
        )
        with _reading("ES9+.AuthenticateClient", "5.6.3"):
            session.metadata = Metadata.read(_octets(answer, "profileMetadata"))
        session.smdp_signed2 = _octets(answer, "smdpSigned2")
        session.smdp_signature2 = _octets(answer, "smdpSignature2")
        session.smdp_certificate = _octets(answer, "smdpCertificate")
        return session

    def _context(self, matching_id: str | None) -> bytes:
        parameters: dict[str, Any] = {"deviceInfo": self._device_info}
        if matching_id is not None:
            parameters["matchingId"] = matching_id
        return codec.encode("CtxParams1", ("ctxParamsForCommonAuthentication", parameters))

    def _check_server(
        self, server_signed1: bytes, certificate: Certificate, started: dict[str, Any], address: str, oid: str | None
    ) -> None:
        step = "ES9+.InitiateAuthentication"
        with _reading(step, "5.6.1"):
            signed = codec.decode("ServerSigned1", server_signed1)
        if signed["serverAddress"].lower() != address.lower():
            raise SessionMismatch(
                step, f"serverSigned1 names {signed['serverAddress']!r}, contacted was {address!r}", "3.0.1"
            )
        if signed["transactionId"].hex() != started["transactionId"].lower():
            raise SessionMismatch(
                step,
                f"transactionId {started['transactionId']} in JSON, {signed['transactionId'].hex()} in serverSigned1",
                "5.6.1",
            )
        if oid is not None and certificate.oid != oid:
            raise SessionMismatch(
                step, f"the activation code names SM-DP+ {oid}, its certificate says {certificate.oid}", "3.0.1"
            )

    # ---------------------------------------------------------------- download and installation, SGP.22 3.1.3

    def download(
        self,
        code: ActivationCode | str,
        *,
        confirmation_code: str | None = None,
        consent: Consent | None = None,
    ) -> Installation:
        """Download and install the profile an activation code stands for.

        Raises:
            LpaError: naming the step, the codes of both sides and the clause. The session is cancelled on both sides
                where SGP.22 3.1.3 asks for it.
        """
        activation = ActivationCode.parse(code) if isinstance(code, str) else code
        session = self.authenticate(activation.address, activation.matching_id, smdp_oid=activation.smdp_oid)
        self.confirm(session, consent)
        if session.confirmation_code_required and confirmation_code is None:
            self.cancel(session, "postponed")
            raise DownloadCancelled("postponed", "a confirmation code is required and none was given", "3.1.3")
        self.prepare(session, confirmation_code)
        return self.install(session)

    def confirm(self, session: Session, consent: Consent | None = None) -> None:
        """Check the policy rules against the RAT and the profiles installed, then ask for consent (SGP.22 3.1.3.1)."""
        metadata = _known(session)
        refused = self._rules_refused(metadata)
        if refused:
            self.cancel(session, "pprNotAllowed")
            raise DownloadCancelled("pprNotAllowed", f"{refused} not allowed by the eUICC", "2.9.2.4")
        if consent is not None and not consent(metadata):
            self.cancel(session, "endUserRejection")
            raise DownloadCancelled("endUserRejection", "the end user refused the profile", "3.1.3")

    def _rules_refused(self, metadata: Metadata) -> str:
        rules = [rule for rule in metadata.policy_rules if rule != "pprUpdateControl"]
        if not rules:
            return ""
        rat = self._ask_card("get_rat", "5.7.22").value["rat"]
        owner = metadata.value.get("profileOwner")
        for rule in rules:
            if not authorises(rat, rule, owner):
                return rule
        installed = self._ask_card("get_profiles_info", "5.7.15").value[1]
        if "ppr1" in rules and any(_is_operational(profile) for profile in installed):
            # SGP.22 2.9.2.4: PPR1 may only come with the first operational profile.
            return "ppr1"
        return ""

    def prepare(self, session: Session, confirmation_code: str | None = None) -> bytes:
        """PrepareDownload and GetBoundProfilePackage; returns the bound profile package and keeps it in the session."""
        hash_cc = b""
        if session.confirmation_code_required and confirmation_code is not None:
            hash_cc = tlv.encode(0x04, signatures.hash_cc(confirmation_code, session.transaction_id))
        response = self._ask_card_with(
            "prepare_download",
            tlv.encode(0xBF21, session.smdp_signed2 + session.smdp_signature2 + hash_cc + session.smdp_certificate),
            "downloadResponseError",
            "5.7.5",
        )
        transaction_id = session.transaction_id.hex().upper()
        answer = self._ask_server(
            session.server,
            "getBoundProfilePackage",
            {"transactionId": transaction_id, "prepareDownloadResponse": _b64(response)},
            "5.6.2",
        )
        session.bound_profile_package = _octets(answer, "boundProfilePackage")
        return session.bound_profile_package

    def install(self, session: Session) -> Installation:
        """Compare the metadata carried with those announced, then load every segment (SGP.22 2.5.5, 3.1.3.2)."""
        metadata = _known(session)
        package = session.bound_profile_package
        with _reading("ES9+.GetBoundProfilePackage", "5.6.2"):
            carried, segments = carried_metadata(package), bpp.segments(package)
        if carried != metadata.octets:
            self.cancel(session, "metadataMismatch")
            raise DownloadCancelled(
                "metadataMismatch", "the package carries other metadata than AuthenticateClient announced", "3.1.3.2"
            )
        result = b""
        for number, segment in enumerate(segments):
            self._progress("ES10b.LoadBoundProfilePackage", number, len(segments))
            reply = self._isdr.send("load_bound_profile_package", segment)
            if not reply.ok:
                raise EuiccRefused("ES10b.LoadBoundProfilePackage", f"{reply.sw:04X} at segment {number + 1}", "5.7.6")
            if reply.octets:
                result = reply.octets
                break
        if not result:
            self.cancel(session, "loadBppExecutionError")
            raise EuiccRefused("ES10b.LoadBoundProfilePackage", "no ProfileInstallationResult", "5.7.6")
        return _installation(result, metadata)

    # ---------------------------------------------------------------- cancel, SGP.22 3.0.2

    def cancel(self, session: Session, reason: str) -> bytes:
        """Cancel the session on the eUICC, then on the SM-DP+; returns the CancelSessionResponse."""
        response = self._ask_card_with(
            "cancel_session",
            codec.encode("CancelSessionRequest", {"transactionId": session.transaction_id, "reason": reason}),
            "cancelSessionResponseError",
            "5.7.14",
        )
        self._ask_server(
            session.server,
            "cancelSession",
            {"transactionId": session.transaction_id.hex().upper(), "cancelSessionResponse": _b64(response)},
            "5.6.5",
        )
        return response

    # ---------------------------------------------------------------- notifications, SGP.22 3.5

    def process_notifications(self, sequence_numbers: Iterable[int] | None = None) -> NotificationReport:
        """Deliver the pending notifications in the order of their sequence numbers and remove what was acknowledged.

        A notification that cannot be delivered stays on the eUICC. Later ones to the same address wait for it, those to
        other addresses do not (SGP.22 3.5).
        """
        wanted = None if sequence_numbers is None else set(sequence_numbers)
        report = NotificationReport()
        stalled: dict[str, int] = {}
        listed = self._ask_card("list_notification", "5.7.9").value[1]
        for entry in sorted(listed, key=lambda metadata: int(metadata["seqNumber"])):
            number, address = int(entry["seqNumber"]), str(entry["notificationAddress"])
            if wanted is not None and number not in wanted:
                continue
            if address in stalled:
                waits = f"waits for notification {stalled[address]} to the same address (SGP.22 3.5)"
                report.kept.append(NotificationFault(number, address, waits))
                continue
            try:
                removed = self._deliver(number, address)
            except (LpaError, Es9Error) as error:
                stalled[address] = number
                report.kept.append(NotificationFault(number, address, str(error)))
            else:
                report.delivered.append(Delivered(number, address, removed))
        return report

    def _deliver(self, number: int, address: str) -> bool:
        request = codec.encode("RetrieveNotificationsListRequest", {"searchCriteria": ("seqNumber", number)})
        reply = self._isdr.send("retrieve_notifications_list", request)
        with _reading("ES10b.RetrieveNotificationsList", "5.7.10"):
            pending = tlv.parse(tlv.find(reply.octets, 0xBF2B, 0xA0)).children()
        if not pending:
            raise EuiccRefused("ES10b.RetrieveNotificationsList", f"no notification {number}", "5.7.10")
        self._ask_server(
            self._client(address), "handleNotification", {"pendingNotification": _b64(pending[0].octets)}, "5.6.4"
        )
        removed = self._isdr.call("remove_notification_from_list", {"seqNumber": number}).value
        return bool(removed["deleteNotificationStatus"] == 0)

    # ---------------------------------------------------------------- both sides

    def _ask_card(self, function: str, clause: str) -> Reply:
        self._progress(function, 0, 1)
        return _read(self._isdr.call(function), clause)

    def _ask_card_with(self, function: str, request: bytes, error: str, clause: str) -> bytes:
        self._progress(function, 0, 1)
        reply = _read(self._isdr.send(function, request), clause)
        choice, value = reply.value
        if choice == error:
            raise EuiccRefused(function, _error_name(value), clause)
        return reply.octets

    def _ask_server(self, server: Es9, function: str, body: dict[str, Any], clause: str) -> dict[str, Any]:
        self._progress(f"ES9+.{function}", 0, 1)
        reply = server.call(function, body)
        if reply.failed:
            raise ServerRefused(f"ES9+.{function}", reply.subject_code, reply.reason_code, reply.message, clause)
        answer: dict[str, Any] = reply.body or {}
        return answer


@contextmanager
def _reading(step: str, clause: str) -> Iterator[None]:
    try:
        yield
    except (codec.Asn1Error, tlv.TlvError, CertificateFault) as fault:
        raise UnreadableAnswer(step, fault, clause) from fault


def _read(reply: Reply, clause: str) -> Reply:
    """A reply that has a value; raises UnreadableAnswer, or EuiccRefused where there is only a status word."""
    if reply.fault is not None:
        raise UnreadableAnswer(reply.function.full_name, reply.fault, clause)
    if reply.received is None:
        raise EuiccRefused(reply.function.full_name, f"status {reply.sw:04X}", clause)
    return reply


def _known(session: Session) -> Metadata:
    if session.metadata is None:
        raise LpaError("Lpa", "the session has no metadata yet: authenticate first", "3.1.3")
    return session.metadata


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(answer: dict[str, Any], name: str) -> bytes:
    """The octets of a base64 field of an answer; raises LpaError where it is missing or not base64."""
    try:
        return base64.b64decode(answer[name], validate=True)
    except KeyError:
        raise LpaError("ES9+", f"the answer has no {name}", "6.5.2") from None
    except (binascii.Error, TypeError, ValueError):
        raise LpaError("ES9+", f"{name} is not base64", "6.5.2") from None


def _error_name(value: Any) -> object:
    """The name of an error value, whether it stands alone or beside a transactionId."""
    if isinstance(value, dict):
        codes = [code for name, code in value.items() if name.lower().endswith("errorcode")]
        value = codes[0] if codes else value
    return getattr(value, "name", None) or value


def _is_operational(profile: dict[str, Any]) -> bool:
    return int(profile.get("profileClass", 2)) == 2


def _installation(result: bytes, metadata: Metadata) -> Installation:
    """Read a ProfileInstallationResult; raises InstallationFailed for an error result."""
    with _reading("ES10b.LoadBoundProfilePackage", "5.7.6"):
        data = codec.decode("ProfileInstallationResult", result)["profileInstallationResultData"]
    number = int(data["notificationMetadata"]["seqNumber"])
    choice, outcome = data["finalResult"]
    if choice == "errorResult":
        raise InstallationFailed(str(_name(outcome["bppCommandId"])), str(_name(outcome["errorReason"])), number)
    return Installation(result, metadata, metadata.iccid, bytes(outcome["aid"]), number)


def _name(number: Any) -> object:
    return getattr(number, "name", None) or number
