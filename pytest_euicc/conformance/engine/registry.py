"""The words of a vector: actions, states and checks, each a Python function.

Its keyword-only parameters are the arguments that a vector may give; their types are checked when the vector is read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_euicc.conformance.engine.arguments import Parameters, Registry
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.files.observations import Observation
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import Shape, asn1_shape

if TYPE_CHECKING:
    from pytest_euicc.conformance.engine.context import Context

ActionFunction = Callable[..., Outcome]


@dataclass(frozen=True)
class Action:
    """A registered action.

    Attributes:
        title: one line for reports.
        request: shape that ``with`` must fit; None when the vector does not write the message of the action.
        request_type: its ASN.1 type.
        tampered: type that field paths of ``tamper`` are read by, where it is another.
        response: shape of what ``expect`` sees; None when there is nothing to expect.
        changes: the action leaves traces on the card and needs permission on a real one.
        response_by: makes that shape from the arguments as written, where it depends on them.
        by_operator: a person has to do something.
        as_terminal: what it does that only the card's terminal can do, such as ``to see proactive commands``.
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
    response_by: Callable[[Mapping[str, Any]], Shape] | None = None

    def response_to(self, arguments: Mapping[str, Any]) -> Shape | None:
        """Shape of what ``expect`` sees with arguments as written; None when there is nothing to expect."""
        if self.response_by is not None:
            return self.response_by(arguments)
        return self.response() if self.response is not None else None

    by_operator: bool = False
    as_terminal: str = ""

    def __call__(self, context: Context, message: Message, arguments: dict[str, Any]) -> Outcome:
        """Run the action with arguments as written (references resolved)."""
        if message.tampered != self.tampered:
            message = replace(message, tampered=self.tampered)
        return self.function(context, message, **self.parameters.bind(arguments))


ACTIONS: Registry[Action] = Registry("action")


def _title(function: Callable[..., Any], name: str) -> str:
    """The first line of a docstring as reports show it, without the marks of code."""
    return (function.__doc__ or name).strip().splitlines()[0].rstrip(".").replace("`", "")


def action(
    name: str,
    *,
    request: str | Shape | None = None,
    tampered: str | None = None,
    response: str | Shape | Callable[[], Shape] | None = None,
    response_by: Callable[[Mapping[str, Any]], Shape] | None = None,
    title: str | None = None,
    changes: bool = False,
    by_operator: bool = False,
    as_terminal: str = "",
) -> Callable[[ActionFunction], ActionFunction]:
    """Register an action.

    Args:
        name: ``interface.function`` as written in vectors.
        request: ASN.1 type or shape of what ``with`` overlays; None: no ``with``.
        tampered: ASN.1 type of what ``tamper`` changes, where that is not ``request`` (a message around it, signed).
        response: ASN.1 type or shape of what ``expect`` matches, or what makes it; None: no ``expect``.
        response_by: makes the shape from the arguments as written, where it depends on them.
        title: one line for reports; the first line of the docstring if not given.
        changes: it changes the card permanently.
        by_operator: it is a manual step; without an operator its sequences are not applicable.
        as_terminal: what it does that only the card's terminal can do; behind a device its sequences do not begin.
    """

    def register(function: ActionFunction) -> ActionFunction:
        entry = Action(
            name=name,
            title=title or _title(function, name),
            function=function,
            parameters=Parameters(function),
            request=_shape(request),
            request_type=request if isinstance(request, str) else None,
            tampered=tampered,
            response=_shape(response),
            changes=changes,
            response_by=response_by,
            by_operator=by_operator,
            as_terminal=as_terminal,
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


StateFunction = Callable[..., Generator[None, None, None]]


@dataclass(frozen=True)
class State:
    """A registered state; ``implies`` are reached before it when they were not yet."""

    name: str
    title: str
    function: StateFunction
    parameters: Parameters
    implies: tuple[str, ...]

    def __call__(self, context: Context, arguments: dict[str, Any]) -> Generator[None, None, None]:
        """The generator for arguments as written (references resolved)."""
        return self.function(context, **self.parameters.bind(arguments))


STATES: Registry[State] = Registry("state")


def state(name: str, *, implies: tuple[str, ...] = ()) -> Callable[[StateFunction], StateFunction]:
    """Register a state; the first line of its docstring is its title."""

    def register(function: StateFunction) -> StateFunction:
        STATES.add(name, State(name, _title(function, name), function, Parameters(function), implies))
        return function

    return register


def closure(names: list[str]) -> list[str]:
    """All states that reaching ``names`` in order passes through, each once, implied ones first."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name not in ordered:
            for implied in STATES.get(name).implies:
                visit(implied)
            ordered.append(name)

    for name in names:
        visit(name)
    return ordered


CheckFunction = Callable[..., Iterable[Mismatch | Observation]]
"""Yields what is wrong, and what is noteworthy and no fault."""


@dataclass(frozen=True)
class Check:
    """A registered check."""

    name: str
    title: str
    function: CheckFunction
    parameters: Parameters

    def __call__(self, context: Context, outcome: Outcome, arguments: dict[str, Any]) -> list[Mismatch | Observation]:
        """Run the check with arguments as written (references resolved)."""
        return list(self.function(context, outcome, **self.parameters.bind(arguments)))


CHECKS: Registry[Check] = Registry("check")


def check(name: str) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check; the first line of its docstring is its title."""

    def register(function: CheckFunction) -> CheckFunction:
        CHECKS.add(name, Check(name, _title(function, name), function, Parameters(function)))
        return function

    return register
