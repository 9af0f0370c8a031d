"""What goes into an action and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec
from pytest_euicc.asn1.codec import Asn1Error
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.resolve import merge
from pytest_euicc.conformance.values.shapes import ANY, Shape, asn1_shape
from pytest_euicc.conformance.values.tamper import tamper

if TYPE_CHECKING:
    # The HTTP stack is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.es9.binding import Es9Reply


@dataclass(frozen=True)
class Part:
    """A value of ASN.1 within an answer that is none itself: the field, its type where it has one, and its octets."""

    name: str
    type_name: str | None
    octets: bytes


@dataclass(frozen=True)
class Outcome:
    """What an action sent and received.

    Attributes:
        sent, received: request and response data as they went over the wire; ``sw`` the status word when there is one.
        status: of an ES9+ function, ``success``, a status code such as ``8.1/6.1``, ``failed``, ``HTTP 400``, or
            ``closed`` and ``endless`` for an answer that is not complete.
        sent_value, value: the same decoded.
        shape: of ``value``; ``type_name`` its ASN.1 type when it has one.
        unknown: elements of the answer that the type does not have.
        odd: why parts of the entries of a list could not be read; ``value`` is without them.
        fault: why the answer could not be decoded; None when it was.
        mismatches: what the action itself found wrong.
        reply: the answer of an ES9+ function; None for any other action.
        moot: there is nothing to judge, as the step allows.
        parts: values of ASN.1 within the answer of an ES9+ function.
    """

    sent: bytes = b""
    sent_value: Any = None
    sw: int | None = None
    status: str | None = None
    received: bytes = b""
    value: Any = None
    shape: Shape = ANY
    type_name: str | None = None
    unknown: tuple[Any, ...] = ()
    fault: str | None = None
    mismatches: tuple[Mismatch, ...] = ()
    reply: Es9Reply | None = None
    moot: bool = False
    odd: tuple[Asn1Error, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """A message that is sent, as a value and as octets."""

    value: Any
    octets: bytes


@dataclass(frozen=True)
class Message:
    """What a step says about the message of its action: ``with``, ``tamper`` and the channel.

    ``tampered``: type of what ``tamper`` changes where that is not what ``with`` overlays.
    """

    with_: Any = None
    tamper: Sequence[dict[str, Any]] = ()
    channel: str | None = None
    tampered: str | None = None

    def overlay(self, default: Any, shape: Shape = ANY) -> Any:
        """``default`` overlaid with ``with``.

        Raises:
            ValueMistake: ``with`` does not fit the type.
        """
        return default if self.with_ is None else merge(default, self.with_, shape)

    def overrides(self, name: str) -> bool:
        """Whether ``with`` has a field of the message."""
        return isinstance(self.with_, dict) and name in self.with_

    def encode(self, type_name: str, default: Any) -> Encoded:
        """``default`` overlaid with ``with``, encoded as DER; tampered with if it is what ``tamper`` changes.

        Raises:
            ValueMistake: ``with`` does not fit the type.
            Asn1Error: the value cannot be encoded.
            TamperError: an operation does not fit the octets.
        """
        return self.encode_value(type_name, self.overlay(default, asn1_shape(type_name)))

    def encode_value(self, type_name: str, value: Any) -> Encoded:
        """A value that is overlaid already, encoded and tampered with as by `encode`.

        Raises:
            Asn1Error: the value cannot be encoded.
            TamperError: an operation does not fit the octets.
        """
        octets = codec.encode(type_name, value)
        if self.tampered in (None, type_name):
            octets = tamper(octets, self.tamper, type_name)
        return Encoded(value, octets)
