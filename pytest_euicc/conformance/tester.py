"""The tester in the place of an SM-DP+: builds what ES10b and ES8+ carry, right unless a vector wants it wrong.

Keys and certificates come from the PKI that the session brings (service ``pki``), so the eUICC under test must hold the
same CI. All randomness is that of the sequence, so that a recorded run replays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.states import Unreachable
from pytest_euicc.rsp import bpp, profile_package, signatures
from pytest_euicc.rsp.bsp import SessionKeys
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.rsp.pki import INVALID_SERVER_KINDS, Pki

SERVICE = "pki"
ADDRESS = "smdp.example.com"
HOST_ID = b"pytest-euicc"
DEVICE_INFO: dict[str, Any] = {
    "tac": bytes.fromhex("35290611"),
    "deviceCapabilities": {"gsmSupportedRelease": b"\x0f\0\0", "eutranEpcSupportedRelease": b"\x0f\0\0"},
}
CERTIFICATE_KINDS = ("valid", "second", "dpauth", "dppb", *INVALID_SERVER_KINDS)
"""What a step may show: a valid certificate, one of another SM-DP+ or another role, and every invalid kind."""
_NOTE = "tester"


@dataclass
class Tester:
    """One RSP session, seen from the SM-DP+.

    Attributes:
        curve: of the CI that is used.
        transaction_id: 16 octets unless a step says otherwise.
        euicc_signature1: whole 5F37 TLV, once AuthenticateServer answered.
        smdp_signature2: whole 5F37 TLV, once PrepareDownload was sent.
        otpk: one-time public key of the eUICC, once PrepareDownload answered.
    """

    pki: Pki
    random: Any
    curve: str = "nist"
    transaction_id: bytes = b""
    server_challenge: bytes = b""
    euicc_signature1: bytes = tlv.encode(0x5F37, bytes(64))
    smdp_signature2: bytes = b""
    otpk: bytes = b""
    eid: bytes = bytes(16)
    sent: dict[str, Any] = field(default_factory=dict)

    def start(self, curve: str, transaction_id: bytes | None) -> None:
        """Begin a session: a fresh transaction and server challenge."""
        self.curve = curve
        self.transaction_id = transaction_id if transaction_id is not None else self.random.randbytes(16)
        self.server_challenge = self.random.randbytes(16)

    def identity(self, role: Role, kind: str) -> Identity:
        """A certificate with its key.

        Args:
            kind: one of CERTIFICATE_KINDS.

        Raises:
            Unreachable: the PKI has none of that kind.
        """
        roles = {"dpauth": Role.DP_AUTH, "dppb": Role.DP_PB}
        try:
            if kind in INVALID_SERVER_KINDS:
                return self.pki.invalid_server(role, kind, self.curve)
            return self.pki.server(roles.get(kind, role), self.curve, 2 if kind == "second" else 1)
        except Exception as error:
            raise Unreachable(f"no {kind} certificate for {role.value} on {self.curve}: {error}") from error

    def authenticate_server_request(
        self, challenge: bytes, certificate: str, signer: str, matching_id: str | None, device_info: dict[str, Any]
    ) -> dict[str, Any]:
        """An AuthenticateServerRequest (SGP.22 5.7.13) as the codec has it."""
        signed1 = {
            "transactionId": self.transaction_id,
            "euiccChallenge": challenge,
            "serverAddress": ADDRESS,
            "serverChallenge": self.server_challenge,
        }
        shown = self.identity(Role.DP_AUTH, certificate)
        key = shown if signer == "certificate" else self.identity(Role.DP_AUTH, signer)
        context: dict[str, Any] = {"deviceInfo": device_info}
        if matching_id is not None:
            context["matchingId"] = matching_id
        self.sent = {"signed1": signed1, "context": context}
        return {
            "serverSigned1": signed1,
            "serverSignature1": signatures.sign(key.private_key, codec.encode("ServerSigned1", signed1)),
            "euiccCiPKIdToBeUsed": self.pki.ci(self.curve).subject_key_id,
            "serverCertificate": shown.certificate.der,
            "ctxParams1": ("ctxParamsForCommonAuthentication", context),
        }

    def prepare_download_request(
        self,
        certificate: str,
        signer: str,
        confirmation_code: str | None,
        offered: bytes | None,
        over: str,
        transaction_id: bytes,
    ) -> dict[str, Any]:
        """A PrepareDownloadRequest (SGP.22 5.7.5) as the codec has it."""
        signed2: dict[str, Any] = {
            "transactionId": transaction_id or bytes(1),
            "ccRequiredFlag": confirmation_code is not None,
        }
        if offered is not None:
            signed2["bppEuiccOtpk"] = offered
        shown = self.identity(Role.DP_PB, certificate)
        key = shown if signer == "certificate" else self.identity(Role.DP_PB, signer)
        signature1 = self.euicc_signature1 if over == "session" else tlv.encode(0x5F37, bytes(64))
        signature = signatures.sign(key.private_key, codec.encode("SmdpSigned2", signed2) + signature1)
        self.smdp_signature2 = tlv.encode(0x5F37, signature)
        request: dict[str, Any] = {
            "smdpSigned2": signed2,
            "smdpSignature2": signature,
            "smdpCertificate": shown.certificate.der,
        }
        if confirmation_code is not None:
            request["hashCc"] = signatures.hash_cc(confirmation_code, self.transaction_id)
            self.sent["hashCc"] = request["hashCc"]
        return request

    def package(self, metadata: dict[str, Any], profile: bytes, keys: str, eid: bytes | None) -> bytes:
        """A Bound Profile Package for the session (SGP.22 2.5)."""
        one_time = signatures.private_key_from(self.random.randbytes(32), signatures.CURVES[self.curve])
        signer = self.identity(Role.DP_PB, "valid").private_key
        binding = bpp.Binding(self.transaction_id, self.otpk, eid or self.eid, one_time, signer, HOST_ID)
        random_keys = None
        if keys == "random":
            random_keys = SessionKeys(*(self.random.randbytes(16) for _ in range(3)))
        try:
            return bpp.build(binding, codec.encode("StoreMetadataRequest", metadata), profile, random_keys=random_keys)
        except ValueError as error:
            raise Unreachable(f"no package can be bound: {error}") from error


def tester(context: Context) -> Tester:
    """The tester of a sequence.

    Raises:
        Unreachable: the session brings no PKI.
    """
    if _NOTE not in context.notes:
        pki = context.session.services.get(SERVICE)
        if pki is None:
            raise Unreachable("there is no PKI to be an SM-DP+ with; give --euicc-pki with the keys of an SM-DP+")
        context.notes[_NOTE] = Tester(pki, context.random)
    made: Tester = context.notes[_NOTE]
    return made


def default_metadata(iccid: bytes) -> dict[str, Any]:
    """Metadata of a profile of the tester; every event is announced to one address."""
    return {
        "iccid": iccid,
        "serviceProviderName": "pytest-euicc",
        "profileName": "Test profile",
        "notificationConfigurationInfo": [
            {"profileManagementOperation": (b"\xf0", 4), "notificationAddress": ADDRESS},
        ],
    }


def new_iccid(context: Context) -> bytes:
    """An ICCID of the range for tests, another one each time (ITU-T E.118: 8910…)."""
    digits = f"8999{context.random.randrange(10**15):015d}F"
    return bytes.fromhex("".join(digits[at + 1] + digits[at] for at in range(0, 20, 2)))


def profile_for(iccid: bytes, filler: int = 0) -> bytes:
    """The unprotected package of a profile of the tester."""
    return profile_package.build(iccid, filler=filler)
