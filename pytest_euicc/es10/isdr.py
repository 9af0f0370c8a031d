"""The ISD-R of an eUICC as an LPA uses it: ES10a, ES10b and ES10c (SGP.22 5.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.card import identity
from pytest_euicc.card.apdu import ResponseApdu
from pytest_euicc.card.channel import LogicalChannel
from pytest_euicc.card.status_words import describe, is_success
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es10.fci import Fci
from pytest_euicc.es10.functions import FUNCTIONS, Function

ISDR_AID = identity.ISDR_AID
"""SGP.22 Annex D (AID registrations)."""


class Es10Error(PytestEuiccError):
    """An answer that holds no value: the message names the function, the status word or the fault in the octets."""


# SGP.22 5.7.9 (NotificationEvent) and 5.7.19 (resetOptions), in the order of their bits.
_EVENTS = ("notificationInstall", "notificationEnable", "notificationDisable", "notificationDelete")
_RESET_OPTIONS = ("deleteOperationalProfiles", "deleteFieldLoadedTestProfiles", "resetDefaultSmdpAddress")


@dataclass(frozen=True)
class Reply:
    """What one function call returned.

    `sent` is the request as it went into STORE DATA and `octets` the response data as received. `received` is the
    decoded response: None when there was no data, when the status word is an error, or when the octets cannot be
    decoded; then `fault` says why.
    """

    function: Function
    sent: bytes
    sw: int
    octets: bytes
    received: codec.Received | None = None
    fault: codec.Asn1Error | None = None

    @property
    def ok(self) -> bool:
        """9000, or 91xx with its proactive command already answered."""
        return is_success(self.sw)

    @property
    def value(self) -> Any:
        """The decoded response; raises `Es10Error` when there is none."""
        if self.received is not None:
            return self.received.value
        if not self.ok:
            raise Es10Error(f"{self.function.full_name}: the eUICC answered {self.sw:04X} ({describe(self.sw)})")
        if self.fault is not None:
            raise Es10Error(f"{self.function.full_name}: the response cannot be read: {self.fault}") from self.fault
        raise Es10Error(f"{self.function.full_name}: the eUICC answered {self.sw:04X} and no data")


@dataclass(frozen=True)
class Isdr:
    """The ISD-R on a logical channel. `aid` is a parameter because the ISD-R of some cards has a vendor's AID.

    The methods named after functions return the decoded response (see docs/explanation/protocols.md, asn1) and raise
    `Es10Error` when there is none; a result code inside a response is a value, not an exception.
    """

    channel: LogicalChannel
    aid: bytes = ISDR_AID

    def select(self) -> ResponseApdu:
        """SELECT the ISD-R (SGP.22 5.7.1); `fci` reads the answer."""
        return self.channel.select(self.aid)

    @staticmethod
    def fci(response: ResponseApdu) -> Fci:
        """The FCI in the answer to `select`; raises `FciError`."""
        return Fci.parse(response.data)

    def call(self, function: str, value: Any = None) -> Reply:
        """Encode *value* as the request of the function and send it.

        Without a value the function's default request is sent; raises ValueError where it has none.
        """
        described = FUNCTIONS[function]
        request = described.default if value is None else value
        if request is None:
            raise ValueError(f"{described.full_name} needs a {described.request}")
        return self.send(function, codec.encode(described.request, request))

    def send(self, function: str, octets: bytes) -> Reply:
        """Send a request that is encoded already, whatever is in it, and decode the response."""
        described = FUNCTIONS[function]
        response = self.channel.store_data(octets)
        if not response.ok or not response.data:
            return Reply(described, octets, response.sw, response.data)
        try:
            received = codec.receive(described.response, response.data)
        except codec.Asn1Error as fault:
            return Reply(described, octets, response.sw, response.data, fault=fault)
        return Reply(described, octets, response.sw, response.data, received)

    # ES10a

    def get_euicc_configured_addresses(self) -> dict[str, Any]:
        """The default SM-DP+ address and the root SM-DS address (SGP.22 5.7.3)."""
        return dict(self.call("get_euicc_configured_addresses").value)

    def set_default_dp_address(self, address: str) -> int:
        """Set the default SM-DP+ address, or remove it with ``""`` (SGP.22 5.7.4); returns the result code."""
        return self._int("set_default_dp_address", {"defaultDpAddress": address}, "setDefaultDpAddressResult")

    # ES10b

    def prepare_download(self, request: dict[str, Any]) -> tuple[str, Any]:
        """SGP.22 5.7.5; *request* is a PrepareDownloadRequest."""
        return self._choice("prepare_download", request)

    def load_bound_profile_package(self, segments: Iterable[bytes]) -> Reply:
        """Send segment by segment until the eUICC gives its result or refuses (SGP.22 2.5.5, 5.7.6).

        The reply is that of the last segment sent; raises ValueError without segments.
        """
        reply = None
        for segment in segments:
            reply = self.send("load_bound_profile_package", segment)
            if reply.octets or not reply.ok:
                break
        if reply is None:
            raise ValueError("a Bound Profile Package has at least one segment")
        return reply

    def get_euicc_challenge(self) -> bytes:
        """A fresh challenge of 16 octets (SGP.22 5.7.7)."""
        return bytes(self.call("get_euicc_challenge").value["euiccChallenge"])

    def get_euicc_info1(self) -> dict[str, Any]:
        """The short form for SM-DP+ and SM-DS (SGP.22 5.7.8)."""
        return dict(self.call("get_euicc_info1").value)

    def get_euicc_info2(self) -> dict[str, Any]:
        """The long form (SGP.22 5.7.8)."""
        return dict(self.call("get_euicc_info2").value)

    def list_notification(self, *operations: str) -> tuple[str, Any]:
        """Metadata of pending notifications, of all or some operations, ``notificationInstall`` … (SGP.22 5.7.9)."""
        wanted = {"profileManagementOperation": _bits(_EVENTS, operations)} if operations else {}
        return self._choice("list_notification", wanted)

    def retrieve_notifications_list(self, sequence_number: int | None = None) -> tuple[str, Any]:
        """Pending notifications, all or one (SGP.22 5.7.10)."""
        wanted = {} if sequence_number is None else {"searchCriteria": ("seqNumber", sequence_number)}
        return self._choice("retrieve_notifications_list", wanted)

    def remove_notification_from_list(self, sequence_number: int) -> int:
        """Remove one notification (SGP.22 5.7.11); returns the result code."""
        return self._int("remove_notification_from_list", {"seqNumber": sequence_number}, "deleteNotificationStatus")

    def load_crl(self, crl: bytes) -> tuple[str, Any]:
        """Load a certificate revocation list (SGP.22 5.7.12); *crl* is its whole DER."""
        return self._choice("load_crl", {"crl": crl})

    def authenticate_server(self, request: dict[str, Any]) -> tuple[str, Any]:
        """SGP.22 5.7.13; *request* is an AuthenticateServerRequest."""
        return self._choice("authenticate_server", request)

    def cancel_session(self, transaction_id: bytes, reason: str) -> tuple[str, Any]:
        """SGP.22 5.7.14; *reason* is a CancelSessionReason, ``endUserRejection`` …"""
        return self._choice("cancel_session", {"transactionId": transaction_id, "reason": reason})

    def get_rat(self) -> list[dict[str, Any]]:
        """The Rules Authorisation Table (SGP.22 5.7.22)."""
        return list(self.call("get_rat").value["rat"])

    # ES10c

    def get_profiles_info(self, request: dict[str, Any] | None = None) -> tuple[str, Any]:
        """SGP.22 5.7.15; *request* is a ProfileInfoListRequest, None for all profiles with the default fields."""
        return self._choice("get_profiles_info", request or {})

    def enable_profile(self, identifier: bytes, *, refresh: bool = False) -> int:
        """Enable by ICCID (10 octets) or ISD-P AID (16 octets) (SGP.22 5.7.16); returns the result code."""
        request = {"profileIdentifier": profile_identifier(identifier), "refreshFlag": refresh}
        return self._int("enable_profile", request, "enableResult")

    def disable_profile(self, identifier: bytes, *, refresh: bool = False) -> int:
        """Disable by ICCID or ISD-P AID (SGP.22 5.7.17); returns the result code."""
        request = {"profileIdentifier": profile_identifier(identifier), "refreshFlag": refresh}
        return self._int("disable_profile", request, "disableResult")

    def delete_profile(self, identifier: bytes) -> int:
        """Delete by ICCID or ISD-P AID (SGP.22 5.7.18); returns the result code."""
        return self._int("delete_profile", profile_identifier(identifier), "deleteResult")

    def euicc_memory_reset(self, *options: str) -> int:
        """Delete what the options name, ``deleteOperationalProfiles`` … (SGP.22 5.7.19); returns the result code."""
        return self._int("euicc_memory_reset", {"resetOptions": _bits(_RESET_OPTIONS, options)}, "resetResult")

    def get_eid(self) -> str:
        """The EID, 32 digits (SGP.22 5.7.20)."""
        return bytes(self.call("get_eid").value["eidValue"]).hex()

    def set_nickname(self, iccid: bytes, nickname: str) -> int:
        """Give a profile a nickname, or take it away with ``""`` (SGP.22 5.7.21); returns the result code."""
        return self._int("set_nickname", {"iccid": iccid, "profileNickname": nickname}, "setNicknameResult")

    def _int(self, function: str, request: Any, field: str) -> int:
        result: int = self.call(function, request).value[field]
        return result

    def _choice(self, function: str, request: Any) -> tuple[str, Any]:
        name, value = self.call(function, request).value
        return name, value


def profile_identifier(identifier: bytes) -> tuple[str, bytes]:
    """The choice of SGP.22 5.7.16: an ISD-P AID has 16 octets, an ICCID 10."""
    return ("isdpAid" if len(identifier) == 16 else "iccid", identifier)


def _bits(names: Sequence[str], wanted: Iterable[str]) -> tuple[bytes, int]:
    """A named BIT STRING without trailing zero bits, as DER has it (X.690 11.2.2); raises ValueError."""
    numbers = sorted(names.index(name) for name in wanted)
    size = numbers[-1] + 1 if numbers else 0
    octet = sum(0x80 >> number for number in numbers)
    return (bytes((octet,)) if size else b"", size)
