"""The functions that an LPA calls, by the names that vectors give them, with the types of what they carry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.values.shapes import ANY, BOOLEAN, OCTETS, TEXT, Shape, asn1_shape, listing, mapping
from pytest_euicc.es9.binding import decode
from pytest_euicc.es10.functions import FUNCTIONS as ES10

LOAD = "ES10b.LoadBoundProfilePackage"
_SEGMENT_TAGS = frozenset({0xBF36, 0xA0, 0xA1, 0xA2, 0xA3, 0x86, 0x87, 0x88})


@dataclass(frozen=True)
class CardFunction:
    """A function of the ISD-R: ASN.1 types of request and answer."""

    name: str
    tag: int
    request: str
    response: str


def _card_functions() -> dict[str, CardFunction]:
    found = {}
    for function in ES10.values():
        # SGP.22 has one name for two functions with answers of two types.
        numbered = {0xBF20: "1", 0xBF22: "2"}.get(function.tag, "")
        name = function.full_name + numbered
        found[name] = CardFunction(name, function.tag, function.request, function.response)
    return found


CARD: dict[str, CardFunction] = _card_functions()
"""Functions of ES10a, ES10b and ES10c by ``ES10b.AuthenticateServer``; those of GetEUICCInfo end in 1 and 2."""
_BY_TAG = {function.tag: function for function in CARD.values()}


def card_function(request: bytes) -> str:
    """The name of the function that a request calls; ``STORE DATA`` for what is none.

    A part of a Bound Profile Package calls LoadBoundProfilePackage (SGP.22 2.5.5).
    """
    try:
        # A segment may end before its length does: only the tag counts.
        tag = _first_tag(request)
    except (IndexError, tlv.TlvError):
        return "STORE DATA"
    if tag in _SEGMENT_TAGS:
        return LOAD
    return _BY_TAG[tag].name if tag in _BY_TAG else "STORE DATA"


def _first_tag(octets: bytes) -> int:
    size = 1
    if octets[0] & 0x1F == 0x1F:
        while octets[size] & 0x80:
            size += 1
        size += 1
    return int.from_bytes(octets[:size], "big")


@dataclass(frozen=True)
class ServerField:
    """A member of a JSON body.

    Attributes:
        type_name: its ASN.1 type where it is base64 of DER; empty for text, ``hex`` and ``octets`` for raw octets.
        tampered: type that paths of ``tamper`` are read by, where it is shown as octets.
    """

    type_name: str
    tampered: str | None = None

    @property
    def path_type(self) -> str | None:
        """Type that paths of ``tamper`` are read by."""
        return self.tampered or (None if self.type_name in ("", "hex", "octets") else self.type_name)

    def shape(self) -> Shape:
        """What ``expect`` sees."""
        if self.type_name in ("", "hex"):
            return OCTETS if self.type_name else TEXT
        return OCTETS if self.type_name == "octets" else asn1_shape(self.type_name)

    def read(self, text: Any) -> Any:
        """The value; raises ValueError where it cannot be read."""
        if not isinstance(text, str):
            raise ValueError("not text")  # noqa: TRY004  (one error for what cannot be read)
        if self.type_name == "":
            return text
        if self.type_name == "hex":
            return bytes.fromhex(text)
        octets = decode(text)
        return octets if self.type_name == "octets" else _decoded(self.type_name, octets)


@lru_cache(maxsize=64)
def _decoded(type_name: str, octets: bytes) -> Any:
    """Steps and the checks of every sequence read the same messages; nobody changes a value."""
    return codec.decode(type_name, octets)


_TRANSACTION, _TEXT, _RAW = ServerField("hex"), ServerField(""), ServerField("octets")


@dataclass(frozen=True)
class ServerFunction:
    """A function of a server in the JSON binding (SGP.22 6.5.2).

    Attributes:
        request, answer: members of both.
        optional: members of the request that need not be there.
    """

    name: str
    path: str
    request: Mapping[str, ServerField]
    answer: Mapping[str, ServerField]
    optional: Mapping[str, ServerField] = field(default_factory=dict)

    @property
    def members(self) -> Mapping[str, ServerField]:
        """Members that a request may have."""
        return {**self.request, **self.optional}


_ES9: tuple[ServerFunction, ...] = (
    ServerFunction(
        "ES9+.InitiateAuthentication",
        "/gsma/rsp2/es9plus/initiateAuthentication",
        {"euiccChallenge": _RAW, "euiccInfo1": ServerField("EUICCInfo1"), "smdpAddress": _TEXT},
        {
            "transactionId": _TRANSACTION,
            "serverSigned1": ServerField("ServerSigned1"),
            "serverSignature1": _RAW,
            "euiccCiPKIdToBeUsed": _RAW,
            "serverCertificate": _RAW,
        },
    ),
    ServerFunction(
        "ES9+.AuthenticateClient",
        "/gsma/rsp2/es9plus/authenticateClient",
        {"transactionId": _TRANSACTION, "authenticateServerResponse": ServerField("AuthenticateServerResponse")},
        {
            "transactionId": _TRANSACTION,
            "profileMetadata": ServerField("StoreMetadataRequest"),
            "smdpSigned2": ServerField("SmdpSigned2"),
            "smdpSignature2": _RAW,
            "smdpCertificate": _RAW,
        },
    ),
    ServerFunction(
        "ES9+.GetBoundProfilePackage",
        "/gsma/rsp2/es9plus/getBoundProfilePackage",
        {"transactionId": _TRANSACTION, "prepareDownloadResponse": ServerField("PrepareDownloadResponse")},
        {"transactionId": _TRANSACTION, "boundProfilePackage": ServerField("octets", "BoundProfilePackage")},
    ),
    ServerFunction(
        "ES9+.HandleNotification",
        "/gsma/rsp2/es9plus/handleNotification",
        {"pendingNotification": ServerField("PendingNotification")},
        {},
    ),
    ServerFunction(
        "ES9+.CancelSession",
        "/gsma/rsp2/es9plus/cancelSession",
        {"transactionId": _TRANSACTION, "cancelSessionResponse": ServerField("CancelSessionResponse")},
        {},
    ),
)

_ES11: tuple[ServerFunction, ...] = (
    ServerFunction(
        "ES11.InitiateAuthentication",
        "/gsma/rsp2/es11/initiateAuthentication",
        {"euiccChallenge": _RAW, "euiccInfo1": ServerField("EUICCInfo1")},
        _ES9[0].answer,
        # LPAs in use call it as ES9+ does.
        {"smdsAddress": _TEXT, "smdpAddress": _TEXT},
    ),
    ServerFunction(
        "ES11.AuthenticateClient",
        "/gsma/rsp2/es11/authenticateClient",
        {"transactionId": _TRANSACTION, "authenticateServerResponse": ServerField("AuthenticateServerResponse")},
        {"transactionId": _TRANSACTION},
    ),
)

SERVER: dict[str, ServerFunction] = {function.name: function for function in (*_ES9, *_ES11)}
"""Functions of ES9+ and ES11 by ``ES9+.InitiateAuthentication``."""
BY_PATH: dict[str, ServerFunction] = {function.path: function for function in SERVER.values()}


@cache
def request_shape(name: str) -> Shape:
    """What ``expect`` of a request sees; ANY for what is no function."""
    if name in CARD:
        return OCTETS if name == LOAD else asn1_shape(CARD[name].request)
    if name in SERVER:
        return _members(name, SERVER[name].members)
    return _EVENTS.get(name, ANY)


@cache
def answer_shape(name: str) -> Shape:
    """What ``expect`` of an answer sees; ANY for what is no function."""
    if name in CARD:
        return asn1_shape(CARD[name].response)
    return _members(name, SERVER[name].answer) if name in SERVER else ANY


def _members(name: str, fields: Mapping[str, ServerField]) -> Shape:
    return mapping(
        name,
        **{member: field.shape() for member, field in fields.items()},
        members=listing(TEXT),
        host=TEXT,
        headers=ANY,
    )


_EVENTS: dict[str, Shape] = {
    "consent": mapping("consent", name=TEXT, provider=TEXT, iccid=OCTETS, rules=listing(TEXT), answer=TEXT),
    "confirmation code": mapping("confirmation code", answer=TEXT),
    "TLS": mapping(
        "TLS", host=TEXT, version=TEXT, suite=TEXT, resumed=BOOLEAN, fresh_key=BOOLEAN, proxy=BOOLEAN, protocol=TEXT
    ),
}

Problem = Callable[[str, str], None]
"""Called with the member and what is wrong with it."""


def server_value(body: bytes, fields: Mapping[str, ServerField], problem: Problem) -> dict[str, Any]:
    """A JSON body as `request_shape` has it; what cannot be read goes to ``problem`` and is left out."""
    try:
        members = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        problem("", f"not JSON in UTF-8: {error}")
        return {}
    if not isinstance(members, dict):
        problem("", "no JSON object")
        return {}
    value: dict[str, Any] = {"members": sorted(members)}
    for name, member in fields.items():
        if name in members:
            try:
                value[name] = member.read(members[name])
            except ValueError as error:
                problem(name, str(error))
    return value
