"""What the procedures of the LPA work on and what they leave: sessions, installations, delivered notifications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_euicc.asn1 import codec
from pytest_euicc.es9.binding import Es9Reply
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.rsp.certificates import Certificate


class Es9(Protocol):
    """The part of the ES9+ client that the LPA uses; bodies are the JSON binding of SGP.22 6.5.2."""

    def call(self, function: str, body: dict[str, Any]) -> Es9Reply:
        """POST one function; raises Es9Error where no answer of the binding comes."""

    def close(self) -> None:
        """Close the connection."""


@dataclass
class Session:
    """An RSP session between the two sides after mutual authentication (SGP.22 3.1.2).

    Attributes:
        transaction_id: as the SM-DP+ chose it, 1 to 16 octets.
        server_certificate: CERT.DPauth as received.
        address, matching_id, smdp_oid: what it was begun with.
        metadata: what the SM-DP+ announced; None until AuthenticateClient answered.
        smdp_signed2: received octets of smdpSigned2, likewise smdp_signature2 and smdp_certificate.
        euicc_otpk: one-time public key of the eUICC, once PrepareDownload answered.
    """

    server: Es9
    transaction_id: bytes
    server_certificate: Certificate
    authenticate_server_response: bytes
    address: str
    matching_id: str | None = None
    smdp_oid: str | None = None
    metadata: Metadata | None = None
    smdp_signed2: bytes = b""
    smdp_signature2: bytes = b""
    smdp_certificate: bytes = b""
    euicc_otpk: bytes = b""
    bound_profile_package: bytes = b""

    @property
    def euicc_certificate(self) -> bytes:
        """CERT.EUICC as the eUICC showed it, DER."""
        answer = codec.decode("AuthenticateServerResponse", self.authenticate_server_response)
        return bytes(answer[1]["euiccCertificate"])

    @property
    def offered_otpk(self) -> bytes | None:
        """bppEuiccOtpk: the one-time key that the SM-DP+ has a package for (SGP.22 5.6.3)."""
        offered: bytes | None = codec.decode("SmdpSigned2", self.smdp_signed2).get("bppEuiccOtpk")
        return offered

    @property
    def key_reused(self) -> bool:
        """True if the eUICC used the key that was offered."""
        return bool(self.euicc_otpk) and self.euicc_otpk == self.offered_otpk

    @property
    def confirmation_code_required(self) -> bool:
        """True if smdpSigned2 asks for a confirmation code (SGP.22 5.6.3)."""
        return bool(codec.decode("SmdpSigned2", self.smdp_signed2)["ccRequiredFlag"])


@dataclass(frozen=True)
class Installation:
    """What a download left on the eUICC.

    Attributes:
        result: the ProfileInstallationResult (BF37) as received.
        iccid: 10 octets.
        aid: the ISD-P's AID, 16 octets.
        sequence_number: of the installation notification.
        key_reused: the eUICC used a one-time key again that the SM-DP+ offered.
    """

    result: bytes
    metadata: Metadata
    iccid: bytes
    aid: bytes
    sequence_number: int
    key_reused: bool = False


@dataclass(frozen=True)
class Delivered:
    """A notification that its server acknowledged and that is no longer on the eUICC."""

    sequence_number: int
    address: str


@dataclass(frozen=True)
class NotificationFault:
    """A notification that stays on the eUICC.

    Attributes:
        sequence_number: None where the eUICC does not say it readably.
        address: as the eUICC gives it; empty where it cannot be read.
        reason: why it stays, for people.
        no_server: there is no server for this address, so that nobody was asked.
    """

    sequence_number: int | None
    address: str
    reason: str
    no_server: bool = False


@dataclass
class NotificationReport:
    """Outcome of :meth:`Lpa.process_notifications`."""

    delivered: list[Delivered] = field(default_factory=list)
    kept: list[NotificationFault] = field(default_factory=list)
