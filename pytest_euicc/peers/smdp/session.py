"""The tester in the place of an SM-DP+: one RSP session, with what it sends signed (SGP.22 5.7.5, 5.7.13).

Everything is right unless a vector wants it wrong. Keys and certificates come from the PKI of the session,
so the eUICC under test must hold the same CI. All randomness is that of the sequence, so that a
recorded run replays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.engine.message import Encoded, Message
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bsp import Bsp, SessionKeys
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, Role
from pytest_euicc.rsp.iccid import new_iccid
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.rsp.pki import INVALID_SERVER_KINDS, Pki


@dataclass
class Load:
    """A package on its way.

    Attributes:
        one_time_key: of the SM-DP+.
        random_keys: those that ReplaceSessionKeys brings.
        bsp: what protects the next segment; ``earlier`` what did so before ReplaceSessionKeys.
        metadata: the StoreMetadataRequest, once it was made.
        unsent: segments of the profile that a step kept back.
    """

    one_time_key: ec.EllipticCurvePrivateKey
    random_keys: SessionKeys
    bsp: Bsp | None = None
    earlier: Bsp | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    unsent: list[bytes] = field(default_factory=list)


ADDRESS = "smdp.example.com"
MATCHING_ID = "TEST-1"
DEVICE_INFO: dict[str, Any] = {
    "tac": bytes.fromhex("35290611"),
    "deviceCapabilities": {"gsmSupportedRelease": b"\x0f\0\0", "eutranEpcSupportedRelease": b"\x0f\0\0"},
}
CERTIFICATE_KINDS = ("valid", "second", "dpauth", "dppb", *INVALID_SERVER_KINDS)
"""What a step may show: a valid certificate, one of another SM-DP+ or another role, and every invalid kind."""
_EMPTY_SIGNATURE = tlv.encode(0x5F37, bytes(64))


@dataclass
class SmdpPeer:
    """One RSP session, seen from the SM-DP+.

    Attributes:
        curve: of the CI that is used.
        transaction_id: 16 octets unless a step says otherwise.
        iccid: of the profile of this session.
        euicc_signature1: whole 5F37 TLV, once AuthenticateServer answered.
        euicc_certificate, eid: of the eUICC, once AuthenticateServer answered.
        smdp_signature2: whole 5F37 TLV, once PrepareDownload was sent.
        otpk: one-time public key of the eUICC, once PrepareDownload answered.
        server: 1, or 2 once AuthenticateServer showed the certificate of another SM-DP+.
        load: the package that is being sent, once InitialiseSecureChannel began it.
        package: the whole package that was sent last, of whatever session.
        sent: what the answers are compared with.
    """

    pki: Pki
    random: Any
    curve: str = "nist"
    transaction_id: bytes = b""
    server_challenge: bytes = b""
    iccid: bytes = b""
    euicc_signature1: bytes = _EMPTY_SIGNATURE
    smdp_signature2: bytes = b""
    otpk: bytes = b""
    euicc_certificate: bytes = b""
    eid: bytes = bytes(16)
    server: int = 1
    load: Load | None = None
    package: bytes = b""
    sent: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, context: Context) -> SmdpPeer:
        """The SM-DP+ of a sequence.

        Raises:
            InconclusiveError: the session has no PKI.
        """
        if context.session.pki is None:
            raise SetupIncomplete("there is no PKI to be an SM-DP+ with; give --euicc-pki with the keys of an SM-DP+")
        return cls(context.session.pki, context.random)

    def start_session(self, curve: str) -> None:
        """Begin a session: a fresh transaction, server challenge and profile."""
        self.curve, self.load = curve, None
        self.transaction_id = self.random.randbytes(16)
        self.server_challenge = self.random.randbytes(16)
        self.iccid = new_iccid(self.random)

    def identity(self, role: Role, kind: str) -> Identity:
        """A certificate with its key.

        Args:
            kind: one of CERTIFICATE_KINDS.

        Raises:
            InconclusiveError: the PKI has none of that kind.
        """
        roles = {"dpauth": Role.DP_AUTH, "dppb": Role.DP_PB}
        try:
            if kind in INVALID_SERVER_KINDS:
                return self.pki.invalid_server(role, kind, self.curve)
            return self.pki.server(roles.get(kind, role), self.curve, 2 if kind == "second" else 1)
        except Exception as error:
            raise SetupIncomplete(f"no {kind} certificate for {role.value} on {self.curve}: {error}") from error

    @property
    def kind(self) -> str:
        """The kind of a right certificate of this session's SM-DP+."""
        return "second" if self.server == 2 else "valid"

    @property
    def oid(self) -> str | None:
        """The OID of this session's SM-DP+."""
        return self.identity(Role.DP_AUTH, self.kind).certificate.oid

    def authenticate_server_request(self, message: Message, challenge: bytes, certificate: str, signer: str) -> Encoded:
        """An AuthenticateServerRequest (SGP.22 5.7.13).

        The signature covers what ``with`` changed, unless ``with`` gives a signature of its own.
        """
        shown = self.identity(Role.DP_AUTH, certificate)
        request = {
            "serverSigned1": {
                "transactionId": self.transaction_id,
                "euiccChallenge": challenge,
                "serverAddress": ADDRESS,
                "serverChallenge": self.server_challenge,
            },
            "serverSignature1": b"",
            "euiccCiPKIdToBeUsed": self.pki.ci(self.curve).subject_key_id,
            "serverCertificate": shown.certificate.der,
            "ctxParams1": (
                "ctxParamsForCommonAuthentication",
                {"matchingId": MATCHING_ID, "deviceInfo": DEVICE_INFO},
            ),
        }
        request = message.overlay(request, asn1_shape("AuthenticateServerRequest"))
        signed1 = request["serverSigned1"]
        if not message.overrides("serverSignature1"):
            key = shown if signer == "certificate" else self.identity(Role.DP_AUTH, signer)
            request["serverSignature1"] = signatures.sign(key.private_key, codec.encode("ServerSigned1", signed1))
        self.transaction_id = signed1.get("transactionId", b"")
        self.server_challenge = signed1.get("serverChallenge", b"")
        self.server = 2 if certificate == "second" else 1
        encoded = message.encode_value("AuthenticateServerRequest", request)
        self.sent = {
            "address": signed1.get("serverAddress"),
            "ci": request.get("euiccCiPKIdToBeUsed"),
            "octets": encoded.octets,
        }
        return encoded

    def authenticated(self, octets: bytes, certificate: bytes) -> None:
        """Note what the eUICC answered: its signature, and the EID of its certificate."""
        self.euicc_signature1 = tlv.find(octets, 0xBF38, 0xA0, 0x5F37)
        self.euicc_certificate = certificate
        try:
            self.eid = Certificate(certificate).eid or bytes(16)
        except CertificateFault:
            self.eid = bytes(16)

    def prepare_download_request(
        self, message: Message, certificate: str, signer: str, confirmation_code: str | None, over: str
    ) -> Encoded:
        """A PrepareDownloadRequest (SGP.22 5.7.5).

        The signature covers what ``with`` changed, unless ``with`` gives a signature of its own.
        """
        shown = self.identity(Role.DP_PB, certificate)
        request: dict[str, Any] = {
            "smdpSigned2": {
                "transactionId": self.transaction_id or bytes(1),
                "ccRequiredFlag": confirmation_code is not None,
            },
            "smdpSignature2": b"",
            "smdpCertificate": shown.certificate.der,
        }
        if confirmation_code is not None:
            request["hashCc"] = signatures.hash_cc(confirmation_code, self.transaction_id)
        request = message.overlay(request, asn1_shape("PrepareDownloadRequest"))
        if not message.overrides("smdpSignature2"):
            key = shown if signer == "certificate" else self.identity(Role.DP_PB, signer)
            signature1 = self.euicc_signature1 if over == "session" else _EMPTY_SIGNATURE
            covered = codec.encode("SmdpSigned2", request["smdpSigned2"]) + signature1
            request["smdpSignature2"] = signatures.sign(key.private_key, covered)
        self.smdp_signature2 = tlv.encode(0x5F37, request["smdpSignature2"])
        self.sent["hashCc"] = request.get("hashCc")
        return message.encode_value("PrepareDownloadRequest", request)
