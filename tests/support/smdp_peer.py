"""An eUICC and its LPA made of keys alone: the other side of an SM-DP+ in tests, right unless told otherwise."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.client import Es9Client, Es9Reply
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bpp_opening import OpenedPackage, Recipient, open_package
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.iccid import swapped
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.status import Rejected
from pytest_euicc.simulator.smdp.service import SmdpService

EID = bytes.fromhex("89049032123451234512345678901235")
OTHER_EID = bytes.fromhex("89049032000000000000000000000160")
HOST = "testsmdpplus1.example.com"
AID = bytes.fromhex("A0000005591010FFFFFFFF8900001000")

# Profile header with version 2.3 and an ICCID, then octets that only an eUICC reads.
ICCID = bytes.fromhex("98001032547698103254")
UPP = tlv.encode(
    0xA0, tlv.encode(0x80, b"\x02") + tlv.encode(0x81, b"\x03") + tlv.encode(0x83, swapped(ICCID))
) + tlv.encode(0xB0, bytes(range(256)) * 9)
ICCID_DIGITS = "89000123456789012345"


def package_for(iccid: bytes, size: int = 2304) -> bytes:
    """Octets that look like the profile package of an ICCID."""
    header = tlv.encode(0x80, b"\x02") + tlv.encode(0x81, b"\x03") + tlv.encode(0x83, swapped(iccid))
    return tlv.encode(0xA0, header) + tlv.encode(0xB0, bytes(size))


def key_ids(*curves: str) -> list[bytes]:
    return [default_pki().ci(curve).subject_key_id or b"" for curve in curves]


def bits(type_name: str, *names: str) -> tuple[bytes, int]:
    positions = codec.fields(type_name).names
    last = max((positions[name] for name in names), default=-1)
    width = last // 8 + 1
    number = sum(1 << (width * 8 - 1 - positions[name]) for name in names)
    return number.to_bytes(width, "big"), last + 1


class InProcess(Es9Client):
    """The service without HTTPS around it."""

    def __init__(self, service: SmdpService) -> None:
        self.service = service

    def call(self, function: str, body: Mapping[str, Any]) -> Es9Reply:
        try:
            answer = self.service.call(function, json.loads(json.dumps(body)))
        except Rejected as rejected:
            return Es9Reply(function, rejected.status, {}, str(rejected).encode())
        octets = b"" if answer is None else json.dumps(answer).encode()
        return Es9Reply(function, 204 if answer is None else 200, {}, octets)


@dataclass
class Peer:
    """One eUICC in one session after the other; every part of what it sends can be changed before it is signed."""

    client: Es9Client
    curve: str = "nist"
    eid: bytes = EID
    kind: str | None = None
    svn: bytes = b"\2\6\0"
    free: int = 300_000
    identity: Identity | None = None
    transaction: str = ""
    started: dict[str, Any] = field(default_factory=dict)
    signature1: bytes = b""
    authenticated: Es9Reply | None = None
    one_time_key: ec.EllipticCurvePrivateKey | None = None

    def __post_init__(self) -> None:
        self.identity = self.identity or default_pki().euicc(self.eid, self.curve, self.kind)

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        assert self.identity is not None
        return self.identity.private_key

    def info1(self, **changes: Any) -> bytes:
        ids = key_ids(self.curve)
        value = {"svn": self.svn, "euiccCiPKIdListForVerification": ids, "euiccCiPKIdListForSigning": ids}
        return codec.encode("EUICCInfo1", value | changes)

    def info2(self) -> dict[str, Any]:
        ids = key_ids(self.curve)
        resource = tlv.encode(0x81, b"\0") + tlv.encode(0x82, self.free.to_bytes(4, "big"))
        return {
            "profileVersion": b"\2\3\1",
            "svn": self.svn,
            "euiccFirmwareVer": b"\1\0\0",
            "extCardResource": resource + tlv.encode(0x83, (20_000).to_bytes(4, "big")),
            "uiccCapability": bits("UICCCapability", "usimSupport", "akaMilenage", "javacard"),
            "rspCapability": bits("RspCapability", "additionalProfile"),
            "euiccCiPKIdListForVerification": ids,
            "euiccCiPKIdListForSigning": ids,
            "ppVersion": b"\0\0\1",
            "sasAcreditationNumber": "TEST",
        }

    def initiate(self, address: str = HOST, **info1: Any) -> Es9Reply:
        reply = self.client.initiate_authentication(os.urandom(16), self.info1(**info1), address)
        if not reply.failed:
            self.started = reply.body or {}
            self.transaction = self.started["transactionId"]
            self._server_signed1 = codec.decode("ServerSigned1", reply.octets_of("serverSigned1"))
        return reply

    def signed1(self, matching_id: str | None = None, **changes: Any) -> bytes:
        context: dict[str, Any] = {"deviceInfo": {"tac": b"\0\x44\2\x45", "deviceCapabilities": {}}}
        if matching_id is not None:
            context["matchingId"] = matching_id
        value = {
            "transactionId": self._server_signed1["transactionId"],
            "serverAddress": self._server_signed1["serverAddress"],
            "serverChallenge": self._server_signed1["serverChallenge"],
            "euiccInfo2": self.info2(),
            "ctxParams1": ("ctxParamsForCommonAuthentication", context),
        }
        return codec.encode("EuiccSigned1", value | changes)

    def response1(self, signed: bytes, signature: bytes | None = None) -> bytes:
        """AuthenticateServerResponse around signed octets."""
        assert self.identity is not None
        made = signatures.sign(self.key, signed) if signature is None else signature
        self.signature1 = tlv.encode(0x5F37, made)
        certificates = self.identity.certificate.der + self.identity.chain[0].der
        return tlv.encode(0xBF38, tlv.encode(0xA0, signed + self.signature1 + certificates))

    def authenticate(self, matching_id: str | None = None, **changes: Any) -> Es9Reply:
        response = self.response1(self.signed1(matching_id, **changes))
        return self.send_authenticate(response)

    def send_authenticate(self, response: bytes) -> Es9Reply:
        reply = self.client.authenticate_client(self.transaction, response)
        if not reply.failed:
            self.authenticated = reply
        return reply

    def begin(self, matching_id: str | None = None) -> Es9Reply:
        """Both steps of the mutual authentication; the first must succeed."""
        started = self.initiate()
        assert not started.failed, started.octets
        return self.authenticate(matching_id)

    def announced(self) -> dict[str, Any]:
        """SmdpSigned2 of this session."""
        assert self.authenticated is not None
        found: dict[str, Any] = codec.decode("SmdpSigned2", self.authenticated.octets_of("smdpSigned2"))
        return found

    def response2(
        self,
        confirmation_code: str | None = None,
        otpk: ec.EllipticCurvePrivateKey | None = None,
        signature: bytes | None = None,
        **changes: Any,
    ) -> bytes:
        """PrepareDownloadResponse."""
        assert self.authenticated is not None
        self.one_time_key = otpk or ec.generate_private_key(self.key.curve)
        value: dict[str, Any] = {
            "transactionId": self._server_signed1["transactionId"],
            "euiccOtpk": signatures.public_point(self.one_time_key),
        }
        if confirmation_code is not None:
            value["hashCc"] = signatures.hash_cc(confirmation_code, self._server_signed1["transactionId"])
        signed = codec.encode("EUICCSigned2", value | changes)
        covered = signed + self.authenticated.octets_of("smdpSignature2")
        made = signatures.sign(self.key, covered) if signature is None else signature
        return tlv.encode(0xBF21, tlv.encode(0xA0, signed + tlv.encode(0x5F37, made)))

    def package(self, confirmation_code: str | None = None, **how: Any) -> Es9Reply:
        return self.client.get_bound_profile_package(self.transaction, self.response2(confirmation_code, **how))

    def open(self, reply: Es9Reply) -> OpenedPackage:
        """Open a package as an eUICC does; raises BppFault."""
        assert self.authenticated is not None
        assert self.one_time_key is not None
        signer = Certificate(self.authenticated.octets_of("smdpCertificate"))
        recipient = Recipient(self.one_time_key, self.eid, bytes.fromhex(self.transaction), signer.public_key)
        return open_package(reply.octets_of("boundProfilePackage"), recipient)

    def result(self, error: tuple[str, str] | None = None, iccid: bytes = ICCID, **changes: Any) -> bytes:
        """ProfileInstallationResult; error is bppCommandId and errorReason."""
        final: tuple[str, Any] = ("successResult", {"aid": AID, "simaResponse": bytes.fromhex("3007A0053003800100")})
        if error is not None:
            final = ("errorResult", {"bppCommandId": error[0], "errorReason": error[1]})
        value = {
            "transactionId": bytes.fromhex(self.transaction),
            "notificationMetadata": {
                "seqNumber": 1,
                "profileManagementOperation": bits("NotificationEvent", "notificationInstall"),
                "notificationAddress": HOST,
                "iccid": iccid,
            },
            "smdpOid": "2.999.10",
            "finalResult": final,
        }
        data = codec.encode("ProfileInstallationResultData", value | changes)
        return tlv.encode(0xBF37, data + tlv.encode(0x5F37, signatures.sign(self.key, data)))

    def other_notification(self, event: str, iccid: bytes = ICCID, signed: bytes | None = None) -> bytes:
        assert self.identity is not None
        tbs = codec.encode(
            "NotificationMetadata",
            {
                "seqNumber": 2,
                "profileManagementOperation": bits("NotificationEvent", event),
                "notificationAddress": HOST,
                "iccid": iccid,
            },
        )
        signature = tlv.encode(0x5F37, signatures.sign(self.key, tbs) if signed is None else signed)
        return tlv.encode(0x30, tbs + signature + self.identity.certificate.der + self.identity.chain[0].der)

    def cancelled(self, reason: str, signature: bytes | None = None, **changes: Any) -> bytes:
        """CancelSessionResponse."""
        value = {"transactionId": bytes.fromhex(self.transaction), "smdpOid": "2.999.10", "reason": reason}
        signed = codec.encode("EuiccCancelSessionSigned", value | changes)
        made = signatures.sign(self.key, signed) if signature is None else signature
        return tlv.encode(0xBF41, tlv.encode(0xA0, signed + tlv.encode(0x5F37, made)))

    def cancel(self, reason: str, **how: Any) -> Es9Reply:
        return self.client.cancel_session(self.transaction, self.cancelled(reason, **how))
