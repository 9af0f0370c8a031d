"""Lists that a card answers, read entry by entry, so that one odd entry does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.files.observations import UNREADABLE_ENTRY
from pytest_euicc.es10.isdr import Es10Error, Reply

_LIST = 0xA0
_ENTRIES = {"get_profiles_info": "ProfileInfo", "list_notification": "NotificationMetadata"}


def entries_of(context: Context, reply: Reply, alternative: str) -> list[dict[str, Any]]:
    """The entries of a list; those that cannot be decoded are observations and left out.

    Args:
        alternative: name of the alternative of the answer that is the list.

    Raises:
        Refused: the answer is another one, or no list at all.
    """
    what = reply.function.full_name
    if reply.fault is None or not reply.ok:
        try:
            name, value = reply.value
        except Es10Error as error:
            raise Refused(str(error)) from error
        if name != alternative:
            raise Refused(f"{what} was answered {name} {value}")
        return list(value)
    try:
        elements = _elements(reply.octets)
    except tlv.TlvError:
        raise Refused(f"{what}: the response cannot be read: {reply.fault}") from reply.fault
    return list(_decoded(context, _ENTRIES[reply.function.name], elements))


def _elements(octets: bytes) -> list[bytes]:
    """The entries as octets; raises TlvError."""
    parts = tlv.parse(octets).children()
    if not parts or parts[0].tag != _LIST:
        raise tlv.TlvError(0, "no list")
    return [entry.octets for entry in parts[0].children()]


def _decoded(context: Context, type_name: str, elements: list[bytes]) -> Iterator[dict[str, Any]]:
    for octets in elements:
        try:
            value: dict[str, Any] = codec.decode(type_name, octets)
        except codec.Asn1Error as error:
            context.observe(UNREADABLE_ENTRY, f"{type_name} {octets[:64].hex().upper()} cannot be read: {error}")
        else:
            yield value
