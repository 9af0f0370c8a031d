"""The tester in the place of an eUICC and its LPA: what an SM-DP+ gets, right unless a vector wants it wrong.

Keys and certificates come from the PKI of the session , so the server under test must trust its CI.
All randomness is that of the sequence. What ``with`` changes is changed before it is signed; ``tamper`` works on the
octets afterwards, so that it breaks signatures.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused, SetupIncomplete, VectorMistake
from pytest_euicc.conformance.engine.smdp import SmdpAccess
from pytest_euicc.conformance.files.orders import Curve, HeldOrder
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault
from pytest_euicc.rsp.chains import INVALID_EUICC_KINDS
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.rsp.pki import Pki

if TYPE_CHECKING:
    from pytest_euicc.es9.client import Es9Client

EUICC_KINDS = ("valid", *INVALID_EUICC_KINDS)
"""The chains of certificates that a step may show."""
_SIGNATURE = 0x5F37
_ANOTHER_KEY = b"a key that no certificate holds"
_COUNTED_FROM = 1767225600
"""2026-01-01: tenths of a second since then are numbers of 31 bits."""


@dataclass(frozen=True)
class Binding:
    """A package that was received: the one-time key and the session it was asked for with, the metadata announced."""

    package: bytes
    one_time_key: ec.EllipticCurvePrivateKey
    transaction_id: bytes
    metadata: bytes

    @property
    def smdp_otpk(self) -> bytes:
        """One-time public key of the SM-DP+ as the package names it; empty where it names none."""
        try:
            return tlv.parse(tlv.find(self.package, 0xBF36, 0xBF23, 0x5F49)).value
        except tlv.TlvError:
            return b""


@dataclass
class EuiccPeer:
    """An eUICC made of keys alone, in one RSP session after the other.

    Attributes:
        own_eid: EID of its certificate; None for that of the PKI's own eUICC.
        own_client: with connections of its own; None for those that all sequences share.
        curve: of the CI that the session is under.
        kind: of the certificates shown, one of EUICC_KINDS.
        order: the profile that the sequence is about; the states that order profiles set it.
        transaction_id: as the server chose it.
        server_signed1: ServerSigned1 as decoded; empty before a session.
        euicc_challenge: as sent.
        euicc_signature1, smdp_signature2: whole 5F37 TLVs.
        smdp_signed2: as decoded; ``smdp_certificate`` CERT.DPpb, ``metadata`` profileMetadata, both as received.
        one_time_key: otSK.EUICC.ECKA; kept over sessions, as an eUICC keeps it for a retry.
        package: BoundProfilePackage as received; empty where none was received.
        bindings: packages of the sequence, the last one last.
        sequence_number: of the last notification.
        notification: the last one as sent, so that it can be sent again.
    """

    pki: Pki
    random: random.Random
    access: SmdpAccess
    own_eid: bytes | None = None
    own_client: Es9Client | None = None
    curve: Curve = "nist"
    kind: str = "valid"
    order: HeldOrder | None = None
    transaction_id: bytes = b""
    euicc_challenge: bytes = b""
    server_signed1: dict[str, Any] = field(default_factory=dict)
    server_certificate: bytes = b""
    euicc_signature1: bytes = b""
    smdp_signed2: dict[str, Any] = field(default_factory=dict)
    smdp_signature2: bytes = b""
    smdp_certificate: bytes = b""
    metadata: bytes = b""
    one_time_key: ec.EllipticCurvePrivateKey | None = None
    package: bytes = b""
    bindings: list[Binding] = field(default_factory=list)
    sequence_number: int = 0
    notification: bytes = b""

    _latest_number: ClassVar[int] = 0

    @classmethod
    def start(cls, context: Context) -> EuiccPeer:
        """The eUICC of a sequence.

        Raises:
            InconclusiveError: the session has no PKI, or no SM-DP+.
        """
        pki = context.session.pki
        if pki is None:
            raise SetupIncomplete("there is no PKI to be an eUICC with; give --euicc-pki with the keys of an eUICC")
        # A PKI may be of brainpoolP256r1 alone. Its eUICC has an EID before a step chooses the curve of a session.
        return cls(pki, context.random, context.smdp, curve="nist" if "nist" in pki.curves else "brainpool")

    # ------------------------------------------------------------------ identity

    def identity(self, kind: str | None = None) -> Identity:
        """CERT.EUICC with its key, its chain holding CERT.EUM.

        Raises:
            InconclusiveError: the PKI has none of that kind.
        """
        wanted = kind or self.kind
        try:
            return self.pki.euicc(self.own_eid, self.curve, None if wanted == "valid" else wanted)
        except Exception as error:
            raise SetupIncomplete(f"no {wanted} eUICC on {self.curve}: {error}") from error

    @property
    def eid(self) -> bytes:
        """The EID that the certificate names, 16 octets."""
        return self.identity("valid").certificate.eid or bytes(16)

    def sign(self, octets: bytes, signer: str = "certificate") -> bytes:
        """A signature, 64 octets: by the key of the certificate shown, or by ``another`` key."""
        key = self.identity().private_key
        if signer == "another":
            key = signatures.private_key_from(_ANOTHER_KEY, key.curve)
        return signatures.sign(key, octets)

    # ------------------------------------------------------------------ what an eUICC says of itself

    def ci_keys(self) -> list[bytes]:
        """Key identifiers of the CIs of the session's curve."""
        return [self.pki.ci(self.curve).subject_key_id or b""]

    def info1(self) -> dict[str, Any]:
        """EUICCInfo1."""
        keys = self.ci_keys()
        return {
            "svn": bytes((2, 6, 0)),
            "euiccCiPKIdListForVerification": keys,
            "euiccCiPKIdListForSigning": keys,
        }

    def info2(self) -> dict[str, Any]:
        """EUICCInfo2 of an eUICC with room and the usual capabilities."""
        memory = tlv.encode(0x81, b"\0") + tlv.encode(0x82, (1 << 20).to_bytes(4, "big"))
        return {
            "profileVersion": bytes((2, 3, 1)),
            "svn": bytes((2, 6, 0)),
            "euiccFirmwareVer": bytes((1, 0, 0)),
            "extCardResource": memory + tlv.encode(0x83, (1 << 15).to_bytes(4, "big")),
            "uiccCapability": _bits("UICCCapability", "usimSupport", "isimSupport", "akaMilenage", "javacard"),
            "rspCapability": _bits("RspCapability", "additionalProfile", "testProfileSupport"),
            "euiccCiPKIdListForVerification": self.ci_keys(),
            "euiccCiPKIdListForSigning": self.ci_keys(),
            "ppVersion": bytes((0, 0, 1)),
            "sasAcreditationNumber": "PYTEST-EUICC",
        }

    def device_info(self) -> dict[str, Any]:
        """DeviceInfo."""
        release = b"\x0f\0\0"
        return {
            "tac": bytes.fromhex("35290611"),
            "deviceCapabilities": {"gsmSupportedRelease": release, "eutranEpcSupportedRelease": release},
        }

    # ------------------------------------------------------------------ requests

    def initiate_request(self) -> dict[str, Any]:
        """An InitiateAuthenticationRequest (SGP.22 5.6.1) with a fresh challenge."""
        return {
            "euiccChallenge": self.random.randbytes(16),
            "smdpAddress": self.access.address,
            "euiccInfo1": self.info1(),
        }

    def euicc_signed1(self, matching_id: str | None) -> dict[str, Any]:
        """EuiccSigned1 of the session (SGP.22 5.7.13); raises InconclusiveError before InitiateAuthentication."""
        started = self._need(self.server_signed1, "InitiateAuthentication")
        context: dict[str, Any] = {"deviceInfo": self.device_info()}
        if matching_id is not None:
            context["matchingId"] = matching_id
        return {
            "transactionId": self.transaction_id,
            "serverAddress": started["serverAddress"],
            "serverChallenge": started["serverChallenge"],
            "euiccInfo2": self.info2(),
            "ctxParams1": ("ctxParamsForCommonAuthentication", context),
        }

    def authenticate_server_response(self, signed1: bytes, signer: str) -> bytes:
        """AuthenticateServerResponse (BF38) around signed octets."""
        identity = self.identity()
        self.euicc_signature1 = tlv.encode(_SIGNATURE, self.sign(signed1, signer))
        certificates = identity.certificate.der + identity.chain[0].der
        return tlv.encode(0xBF38, tlv.encode(0xA0, signed1 + self.euicc_signature1 + certificates))

    def euicc_signed2(self, confirmation_code: str | None, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        """EUICCSigned2 of the session (SGP.22 5.7.5); raises InconclusiveError before AuthenticateClient."""
        self._need(self.smdp_signed2, "AuthenticateClient")
        value: dict[str, Any] = {"transactionId": self.transaction_id, "euiccOtpk": signatures.public_point(key)}
        if confirmation_code is not None:
            value["hashCc"] = signatures.hash_cc(confirmation_code, self.transaction_id)
        return value

    def new_one_time_key(self) -> ec.EllipticCurvePrivateKey:
        """A fresh one-time key pair on the session's curve.

        With it a package can be opened. That of a real SM-DP+ holds somebody's profile, so that its key comes neither
        from the seed, which reports name, nor into any file.
        """
        seed = self.random.randbytes(32) if self.access.simulated else secrets.token_bytes(32)
        return signatures.private_key_from(seed, signatures.CURVES[self.curve])

    def prepare_download_response(self, signed2: bytes, signer: str) -> bytes:
        """PrepareDownloadResponse (BF21); the signature also covers smdpSignature2."""
        signature = tlv.encode(_SIGNATURE, self.sign(signed2 + self.smdp_signature2, signer))
        return tlv.encode(0xBF21, tlv.encode(0xA0, signed2 + signature))

    def smdp_oid(self) -> str:
        """The OID of the SM-DP+ as its CERT.DPauth names it; raises InconclusiveError before InitiateAuthentication."""
        self._need(self.server_signed1, "InitiateAuthentication")
        try:
            return Certificate(self.server_certificate).oid or ""
        except CertificateFault as fault:
            raise Refused(f"the server's certificate cannot be read: {fault}") from None

    def notification_metadata(self, event: str) -> dict[str, Any]:
        """NotificationMetadata with the next sequence number; the event is install, enable, disable or delete."""
        self.sequence_number = self._next_number()
        metadata: dict[str, Any] = {
            "seqNumber": self.sequence_number,
            "profileManagementOperation": _bits("NotificationEvent", f"notification{event.capitalize()}"),
            "notificationAddress": self.access.address,
        }
        iccid = self.iccid()
        return metadata | ({"iccid": iccid} if iccid is not None else {})

    def _next_number(self) -> int:
        """The eUICC counts on from one notification to the next (SGP.22 3.5).

        To a real server also from one sequence and one run to the next: it may know a notification by its number.
        Workers of pytest-xdist, which are one eUICC, take turns.
        """
        if self.access.simulated:
            return self.sequence_number + 1
        number = max(EuiccPeer._latest_number + 1, int((time.time() - _COUNTED_FROM) * 10))
        worker, workers = _worker()
        EuiccPeer._latest_number = number + (worker - number) % workers
        return EuiccPeer._latest_number

    def iccid(self) -> bytes | None:
        """ICCID of the profile: as announced in the session, else as ordered."""
        if self.metadata:
            try:
                announced: bytes = codec.decode("StoreMetadataRequest", self.metadata)["iccid"]
            except codec.Asn1Error:
                return None
            return announced
        return self.order.iccid if self.order else None

    @staticmethod
    def _need(value: dict[str, Any], function: str) -> dict[str, Any]:
        if not value:
            raise VectorMistake(f"{function} has not succeeded in this sequence")
        return value


def _bits(type_name: str, *names: str) -> tuple[bytes, int]:
    """A BIT STRING with the named bits set, no longer than needed (X.690 11.2.2)."""
    positions = [codec.fields(type_name).names[name] for name in names]
    width = max(positions) // 8 + 1
    number = sum(1 << (width * 8 - 1 - position) for position in positions)
    return number.to_bytes(width, "big"), max(positions) + 1


def _worker() -> tuple[int, int]:
    """Which worker of pytest-xdist this process is, and of how many."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    return int(re.sub(r"\D", "", name) or 0), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
