"""One eIM of the tester: its key, its association, and packages that it signs (SGP.32 2.11.1.1).

Everything is right unless a vector wants it wrong. Keys and transaction identifiers come from the randomness of the
sequence, so that a recorded run replays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import VALID_UNTIL, Wish, issue
from pytest_euicc.text import closest

KeyForm = Literal["key", "certificate", "expired certificate", "whole certificate"]
"""How eimPublicKeyData has the key; a whole certificate stands inside its tag, as met in the field."""
_OID = 1
_EXPIRED = datetime(2021, 1, 1, tzinfo=UTC)


@dataclass
class EimPeer:
    """One eIM.

    Attributes:
        counter: the counterValue that the eUICC is to have stored for it.
        token: the association token that the eUICC generated; None if none is configured.
        ci: key identifier of the CI that results are to be signed under; None for the first one of the eUICC.
    """

    eim_id: str
    key: ec.EllipticCurvePrivateKey
    fqdn: str = "eim.example.com"
    counter: int = 0
    token: int | None = None
    ci: bytes | None = None

    @property
    def public_key(self) -> bytes:
        """Its SubjectPublicKeyInfo."""
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def certificate(self, *, expired: bool = False) -> bytes:
        """A self-signed certificate of its key, CN the eimId."""
        wish = Wish(Role.DP_AUTH, self.eim_id, policy=None, valid_until=_EXPIRED if expired else VALID_UNTIL)
        return issue(wish, self.key).certificate.der

    def configuration(self, form: KeyForm = "key") -> dict[str, Any]:
        """Its EimConfigurationData as a value: identifier, FQDN, type, counter and key."""
        shown = ("eimPublicKey", self.public_key)
        if form != "key":
            certificate = self.certificate(expired=form == "expired certificate")
            whole = form == "whole certificate"
            shown = ("eimCertificate", tlv.encode(0x30, certificate) if whole else certificate)
        value: dict[str, Any] = {
            "eimId": self.eim_id,
            "eimFqdn": self.fqdn,
            "eimIdType": _OID,
            "counterValue": self.counter,
            "eimPublicKeyData": shown,
        }
        return value | ({} if self.ci is None else {"euiccCiPKId": self.ci})

    def token_octets(self) -> bytes:
        """What is signed behind the data: 84 with the token, 84 01 00 where none is configured (2.11.1.1)."""
        return token_octets(self.token or 0)

    def sign(self, signed: bytes, token: bytes | None = None) -> bytes:
        """The signature over a signed part and the token, 64 octets; ``token`` takes the place of its own TLV."""
        return signatures.sign(self.key, signed + (self.token_octets() if token is None else token))


def token_octets(value: int) -> bytes:
    """An association token as 84 TLV, its content an INTEGER."""
    size = (value.bit_length() if value >= 0 else (-value - 1).bit_length()) // 8 + 1
    return tlv.encode(0x84, value.to_bytes(size, "big", signed=True))


@dataclass
class EimPeers:
    """The eIMs of a sequence.

    Attributes:
        by_name: by the name that vectors give them, in the order of their association.
        recorded: whole packages by the name under which a step kept them.
        certificates: CERT.EUICC as GetCerts gave it, by the key identifier of the CI; under b"" that of the first.
        numbers: sequence numbers of the package results that were received.
        answers: the answers to packages, by their number.
    """

    random: Any
    by_name: dict[str, EimPeer] = field(default_factory=dict)
    recorded: dict[str, bytes] = field(default_factory=dict)
    certificates: dict[bytes, bytes] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    answers: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def start(cls, context: Context) -> EimPeers:
        """Those of a new sequence: none yet."""
        return cls(context.random)

    def get(self, name: str) -> EimPeer:
        """An eIM by its name.

        Raises:
            VectorMistake: there is none of that name.
        """
        if name not in self.by_name:
            raise VectorMistake(f"there is no eIM {name!r}{closest(name, self.by_name)}; name eim_associated in given")
        return self.by_name[name]

    def new(self, name: str, curve: str = "nist") -> EimPeer:
        """A new eIM, known by a name; it is not associated yet. ``p384`` is a curve that RSP does not have."""
        curves: dict[str, ec.EllipticCurve] = {**signatures.CURVES, "p384": ec.SECP384R1()}
        number = len(self.by_name) + 1
        key = signatures.private_key_from(self.random.randbytes(32), curves[curve])
        peer = EimPeer(f"2.999.32.{number}.{self.random.randrange(10**6)}", key, f"eim{number}.example.com")
        self.by_name[name] = peer
        return peer

    def transaction_id(self) -> bytes:
        """A fresh eimTransactionId of 16 octets."""
        return bytes(self.random.randbytes(16))


@dataclass(frozen=True)
class PackageParts:
    """What a package is made of.

    Attributes:
        header: fields of EuiccPackageSigned before the operations.
        lists: TLVs of the lists of operations, A0 and A1.
        extra: octets at the end of the signed part.
        odd_order: eidValue comes before eimId.
    """

    header: dict[str, Any]
    lists: bytes
    extra: bytes = b""
    odd_order: bool = False

    def signed(self) -> bytes:
        """The signed part, a TLV 30."""
        fields = (
            ("eimId", 0x80, lambda value: value if isinstance(value, bytes) else value.encode()),
            ("eidValue", 0x5A, bytes),
            ("counterValue", 0x81, lambda value: value if isinstance(value, bytes) else _integer(value)),
            ("eimTransactionId", 0x82, bytes),
        )
        made = [tlv.encode(tag, build(self.header[name])) for name, tag, build in fields if name in self.header]
        header = b"".join([made[1], made[0], *made[2:]] if self.odd_order else made)
        return tlv.encode(0x30, header + self.lists + self.extra)


def _integer(value: int) -> bytes:
    return tlv.parse(token_octets(value)).value


def operation_list(type_name: Literal["Psmo", "Eco"], operations: list[bytes]) -> bytes:
    """A list of encoded operations under the tag of its alternative of EuiccPackage."""
    return tlv.encode({"Psmo": 0xA0, "Eco": 0xA1}[type_name], b"".join(operations))


def whole_package(signed: bytes, signature: bytes) -> bytes:
    """BF51 of a signed part and a signature."""
    return tlv.encode(0xBF51, signed + tlv.encode(0x5F37, signature))


def read_result(octets: bytes) -> tuple[str, dict[str, Any]]:
    """An EuiccPackageResult as a value; raises Asn1Error."""
    kind, value = codec.decode("EuiccPackageResult", octets)
    return kind, value
