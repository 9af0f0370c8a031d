"""What a card lists, as far as states need it: eIMs with their tokens, profiles with what distinguishes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.profiles import Profile, profiles_on
from pytest_euicc.conformance.files.observations import LEFT_OUT
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.interfaces.es10b_iot.functions import call

UNKNOWN = {"rules and addresses": "not known"}
"""In the information on a profile that was listed without tags."""
_EIM_ID, _COUNTER, _TOKEN, _PROFILE = 0x80, 0x83, 0x84, 0xE3


def eims_listed(context: Context) -> dict[str, int | None]:
    """Identifiers of the associated eIMs with their tokens, None where none is configured (SGP.32 5.9.18).

    Where the answer is not as its type demands, its elements are looked for: only the sequences about
    GetEimConfigurationData judge its form.

    Raises:
        Refused: the eUICC gives no answer.
    """
    function = IOT_FUNCTIONS["get_eim_configuration_data"]
    reply = call(context, function, codec.encode(function.request, {}))
    if reply.received is not None:
        listed = reply.received.value["eimConfigurationDataList"]
        return {str(entry["eimId"]): entry.get("associationToken") for entry in listed}
    if not reply.octets:
        raise Refused(f"GetEimConfigurationData was answered with {reply.sw:04X}")
    try:
        return {_text(entry): _token(entry) for entry in _entries(tlv.parse(reply.octets))}
    except (tlv.TlvError, UnicodeDecodeError) as error:
        raise Refused(f"GetEimConfigurationData was answered with {reply.octets.hex().upper()}") from error


def entries_without_counters(octets: bytes) -> bytes:
    """Of an answer to GetEimConfigurationData that is not as its type demands: the elements of every eIM."""
    try:
        entries = list(_entries(tlv.parse(octets)))
    except tlv.TlvError:
        return octets
    return b"".join(part.octets for entry in entries for part in entry if part.tag != _COUNTER)


def _entries(element: tlv.Tlv) -> Iterator[list[tlv.Tlv]]:
    """The elements of every eIM: of what has an eimId directly inside."""
    parts = element.children()
    if any(part.tag == _EIM_ID for part in parts):
        yield parts
        return
    for part in parts:
        if part.constructed:
            yield from _entries(part)


def _text(entry: list[tlv.Tlv]) -> str:
    return next(part.value for part in entry if part.tag == _EIM_ID).decode()


def _token(entry: list[tlv.Tlv]) -> int | None:
    """Some cards show a token of 0 where none is configured; it is signed as one that is not there."""
    token = next((part.value for part in entry if part.tag == _TOKEN), b"")
    return int.from_bytes(token, "big", signed=True) or None


def profiles_listed(context: Context, tags: bytes) -> list[Profile]:
    """The profiles with what the tags ask for.

    Where a tag list is refused they come with the default tags of SGP.32 5.9.14, which is an observation: rules and
    notification addresses are not known then.

    Raises:
        Refused: the card does not list them.
    """
    try:
        return profiles_on(context, tags)
    except Refused as error:
        reported = f"rules and addresses of profiles are not known, as a list with these tags is refused: {error}"
        context.observe(LEFT_OUT, reported, "SGP.32 5.9.14")
        return [Profile(info | UNKNOWN) for info in untagged(context)]


def untagged(context: Context) -> list[dict[str, Any]]:
    """The profiles of a list without tags: its elements E3, wherever they are in the answer."""
    response = context.channel(None).store_data(codec.encode("ProfileInfoListRequest", {}))
    if not response.ok:
        raise Refused(f"GetProfilesInfo was answered with {response.sw:04X}")
    answer = response.data
    try:
        entries = list(tlv.within(answer, _PROFILE))
    except tlv.TlvError as error:
        raise Refused(f"GetProfilesInfo was answered with {answer.hex().upper() or 'nothing'}") from error
    found = []
    for entry in entries:
        with suppress(codec.Asn1Error):
            found.append(codec.decode("ProfileInfo", entry.octets))
    return [info for info in found if isinstance(info.get("iccid"), bytes)]


def are_unknown(profile: Profile) -> bool:
    """Whether rules and notification addresses of a profile could not be read."""
    return UNKNOWN.items() <= profile.info.items()
