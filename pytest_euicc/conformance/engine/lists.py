"""Lists that a card answers, read entry by entry, so that one odd entry does not hide the others."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.files.observations import UNREADABLE_ENTRY
from pytest_euicc.es10.isdr import Es10Error, Reply


def entries_of(context: Context, reply: Reply, alternative: str) -> list[dict[str, Any]]:
    """The entries of a list; what cannot be decoded of them is an observation and left out.

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
    else:
        try:
            received = codec.receive(reply.function.response, reply.octets, entry_by_entry=True)
        except codec.Asn1Error as error:
            raise Refused(f"{what}: the response cannot be read: {error}") from error
        for odd in received.odd:
            context.observe(UNREADABLE_ENTRY, str(odd))
        name, value = received.value
    if name != alternative:
        raise Refused(f"{what} was answered with {name} {value}")
    return list(value)
