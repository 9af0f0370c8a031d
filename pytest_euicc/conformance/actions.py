"""The registry of actions: what a step can do.

An action is a Python function ``(context, message, *, arguments…) -> Outcome``. Its keyword-only parameters are the
arguments that a vector may give; their types are checked when the vector is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.asn1_shapes import asn1_shape
from pytest_euicc.conformance.matchers import Mismatch
from pytest_euicc.conformance.registry import Parameters, Registry
from pytest_euicc.conformance.shapes import ANY, Shape
from pytest_euicc.conformance.tamper import tamper
from pytest_euicc.conformance.values import merge

if TYPE_CHECKING:
    from pytest_euicc.conformance.context import Context


@dataclass
class Outcome:
    """What an action sent and what came.

    Attributes:
        sent, octets: request and response data as they went over the wire; ``sw`` the status word when there is one.
        status: of an ES9+ function, ``success``, a status code such as ``8.1/6.1``, ``failed``, ``HTTP 400``, or
            ``closed`` and ``endless`` for an answer that is not whole.
        sent_value, value: the same decoded.
        shape: of ``value``; ``type_name`` its ASN.1 type when it has one.
        unknown: elements of the answer that the type does not have.
        fault: why the answer could not be decoded; None when it was.
        mismatches: what the action itself found wrong.
    """

    sent: bytes = b""
    sent_value: Any = None
    sw: int | None = None
    status: str | None = None
    octets: bytes = b""
    value: Any = None
    shape: Shape = ANY
    type_name: str | None = None
    unknown: tuple[Any, ...] = ()
    fault: str | None = None
    mismatches: tuple[Mismatch, ...] = ()


@dataclass
class Message:
    """What a step says about the message of its action: ``with``, ``tamper`` and the channel.

    ``tampered``: type of what ``tamper`` changes where that is not what ``with`` overlays.
    """

    with_: Any = None
    tamper: list[dict[str, Any]] = field(default_factory=list)
    channel: str | None = None
    tampered: str | None = None
    sent_value: Any = None

    def merged(self, default: Any, shape: Shape = ANY) -> Any:
        """``default`` overlaid with ``with``.

        Raises:
            ValueMistake: ``with`` does not fit the type.
        """
        value = default if self.with_ is None else merge(default, self.with_, shape)
        self.sent_value = value
        return value

    def gives(self, name: str) -> bool:
        """Whether ``with`` has a field of the message."""
        return isinstance(self.with_, dict) and name in self.with_

    def encode(self, type_name: str, default: Any) -> bytes:
        """``default`` overlaid with ``with``, encoded as DER; tampered with if it is what ``tamper`` speaks of.

        Raises:
            ValueMistake: ``with`` does not fit the type.
            Asn1Error: the value cannot be encoded.
            TamperError: an operation does not fit the octets.
        """
        return self.finished(type_name, self.merged(default, asn1_shape(type_name)))

    def finished(self, type_name: str, value: Any) -> bytes:
        """A value that is overlaid already, encoded and tampered with as by `encode`.

        Raises:
            Asn1Error: the value cannot be encoded.
            TamperError: an operation does not fit the octets.
        """
        octets = codec.encode(type_name, value)
        return tamper(octets, self.tamper, type_name) if self.tampered in (None, type_name) else octets


ActionFunction = Callable[..., Outcome]


@dataclass(frozen=True)
class Action:
    """A registered action.

    Attributes:
        title: one line for reports.
        request: shape that ``with`` must fit; None when the action sends no message of its own making.
        request_type: its ASN.1 type.
        tampered: type that field paths of ``tamper`` are read by, where it is another.
        response: shape of what ``expect`` sees; None when there is nothing to expect.
        changes: the action leaves traces on the card and needs permission on a real one.
    """

    name: str
    title: str
    function: ActionFunction
    parameters: Parameters
    request: Callable[[], Shape] | None
    request_type: str | None
    tampered: str | None
    response: Callable[[], Shape] | None
    changes: bool

    def __call__(self, context: Context, message: Message, arguments: dict[str, Any]) -> Outcome:
        """Run the action with arguments as written (references resolved)."""
        message.tampered = self.tampered
        return self.function(context, message, **self.parameters.bind(arguments))


ACTIONS: Registry[Action] = Registry("action")


def action(
    name: str,
    *,
    request: str | Shape | None = None,
    tampered: str | None = None,
    response: str | Shape | Callable[[], Shape] | None = None,
    title: str | None = None,
    changes: bool = False,
) -> Callable[[ActionFunction], ActionFunction]:
    """Register an action.

    Args:
        name: ``interface.function`` as written in vectors.
        request: ASN.1 type or shape of what ``with`` overlays; None: no ``with``.
        tampered: ASN.1 type of what ``tamper`` changes, where that is not ``request`` (a message around it, signed).
        response: ASN.1 type or shape of what ``expect`` matches, or what makes it; None: no ``expect``.
        title: one line for reports; the first line of the docstring if not given.
        changes: it leaves traces on the card.
    """

    def register(function: ActionFunction) -> ActionFunction:
        entry = Action(
            name=name,
            title=title or (function.__doc__ or name).strip().splitlines()[0].rstrip("."),
            function=function,
            parameters=Parameters(function),
            request=_shape(request),
            request_type=request if isinstance(request, str) else None,
            tampered=tampered,
            response=_shape(response),
            changes=changes,
        )
        ACTIONS.add(name, entry)
        return function

    return register


def _shape(given: str | Shape | Callable[[], Shape] | None) -> Callable[[], Shape] | None:
    if isinstance(given, Shape):
        return lambda: given
    if isinstance(given, str):
        return lambda: asn1_shape(given)
    return given
