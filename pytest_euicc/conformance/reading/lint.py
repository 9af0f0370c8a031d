"""What the models cannot see: names of actions, states and fields, saved values, operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pytest_euicc.conformance.engine.arguments import Parameters
from pytest_euicc.conformance.engine.kinds import KINDS, Kind
from pytest_euicc.conformance.engine.registry import ACTIONS, CHECKS, STATES, Action, closure
from pytest_euicc.conformance.files import applicability
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Call, Expectation, Step
from pytest_euicc.conformance.reading.lint_values import Report, called, lint_expect, lint_with
from pytest_euicc.conformance.values.resolve import references
from pytest_euicc.conformance.values.shapes import NOTHING, Shape, asn1_shape
from pytest_euicc.conformance.values.tamper import mistakes as tamper_mistakes
from pytest_euicc.document import Place
from pytest_euicc.text import closest

_SUCCESS = "9000"


def lint(data: Mapping[str, Any], report: Report) -> None:
    """Check a file's data; parts that are not even of the right form are left to the models."""
    _expression(data.get("applicability"), ("applicability",), report)
    kind = _kind(data.get("iut"), report)
    seen: dict[str, int] = {}
    for index, sequence in enumerate(_list(data.get("sequences"))):
        if not isinstance(sequence, Mapping):
            continue
        place: Place = ("sequences", index)
        name = sequence.get("id")
        if isinstance(name, str) and name in seen:
            report((*place, "id"), f"id {name!r} is that of sequence number {seen[name] + 1} already", False)
        elif isinstance(name, str):
            seen[name] = index
        _expression(sequence.get("applicability"), (*place, "applicability"), report)
        _Sequence(report, kind).lint(sequence, place)


def _kind(name: Any, report: Report) -> Kind | None:
    if not isinstance(name, str):
        return None
    try:
        return KINDS.get(name)
    except LookupError as error:
        report(("iut",), str(error), False)
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _expression(text: Any, place: Place, report: Report) -> None:
    if isinstance(text, str):
        try:
            applicability.parse(text)
        except applicability.ExpressionError as error:
            report(place, str(error), False)


class _Sequence:
    """Follows one sequence in the order in which it runs, keeping the names that exist at each point."""

    def __init__(self, report: Report, kind: Kind | None) -> None:
        self.report = report
        self.kind = kind
        self.names: set[str] = set()
        self.channels: set[str] = set()
        self.things: dict[str, set[str]] = {}

    def lint(self, sequence: Mapping[str, Any], place: Place) -> None:
        reached: list[str] = []
        for index, entry in enumerate(_list(sequence.get("given"))):
            self.state(entry, (*place, "given", index), reached)
        for part in ("steps", "finally"):
            for index, entry in enumerate(_list(sequence.get(part))):
                self.step(entry, (*place, part, index))

    def state(self, entry: Any, place: Place, reached: list[str]) -> None:
        call = _piece(Call, entry)
        if call is None:
            return
        try:
            state = STATES.get(call.name)
        except LookupError as error:
            self.report(place, str(error), False)
            return
        self.references(call.arguments, place)
        for where, message in state.parameters.mistakes(call.arguments, state.name):
            self.report((*place, *where), message, message.startswith("unknown"))
        self.used(state.parameters, call.arguments, place)
        for name in closure([call.name])[:-1]:
            if name not in reached:
                reached.append(name)
                self.made(STATES.get(name).parameters, {})
                self.names.update(STATES.get(name).parameters.saves({}))
                self.channels.update(STATES.get(name).parameters.opens({}))
        reached.append(call.name)
        for name in state.parameters.saves(call.arguments):
            if name in self.names:
                self.report(place, f"${name} is saved by a state before this one; give another name with as:", False)
            self.names.add(name)
        self.channels.update(state.parameters.opens(call.arguments))
        self.made(state.parameters, call.arguments)

    def made(self, parameters: Parameters, arguments: Mapping[str, Any]) -> None:
        for kind, name in parameters.makes(arguments):
            self.things.setdefault(kind, set()).add(name)

    def used(self, parameters: Parameters, arguments: Mapping[str, Any], place: Place) -> None:
        """What a call refers to by a name must have been made by a state before it."""
        for kind, name, where in parameters.uses(arguments):
            known = self.things.get(kind, set())
            if name not in known and not name.startswith("$"):
                text = f"no {kind} is called {name!r} here{closest(name, known)}; a state before this makes one"
                self.report((*place, *where), text, False)

    def references(self, data: Any, place: Place) -> None:
        for where, reference in references(data):
            name, *rest = reference.split(".")
            if name == "declaration":
                known = Declaration.model_fields
                if not rest or rest[0] not in known:
                    hint = closest(rest[0] if rest else "", known)
                    self.report((*place, *where), f"a declaration has no {'.'.join(rest) or 'empty name'}{hint}", False)
            elif name not in self.names:
                self.report((*place, *where), f"${name} is not saved before this{closest(name, self.names)}", False)

    def step(self, entry: Any, place: Place) -> None:
        step = _piece(Step, entry)
        if step is None:
            return
        try:
            action = ACTIONS.get(step.action)
        except LookupError as error:
            self.report(place, str(error), False)
            return
        for where, message in action.parameters.mistakes(step.arguments, action.name):
            self.report((*place, *where), message, message.startswith("unknown"))
        self.references(step.arguments, place)
        self.used(action.parameters, step.arguments, place)
        if step.channel is not None and step.channel not in self.channels:
            text = f"no channel {step.channel!r} is open here{closest(step.channel, self.channels)}"
            self.report((*place, "channel"), text, False)
        self.message(step, action, place)
        shape = action.response_to(step.arguments)
        saved: set[str] = set()
        self.expectation(step, shape, place, saved)
        for index, choice in enumerate(step.any_of):
            where = (*place, "any_of", index)
            if not (choice.sw or choice.status or choice.verify) and choice.expect is None:
                self.report(where, "a choice without sw, status, expect and verify allows everything", False)
            self.expectation(choice, shape, where, saved)
        if shape is not None and shape.optional:
            for index, choice in enumerate(step.expectations):
                if choice.expect is None and (choice.sw or [_SUCCESS]) == [_SUCCESS]:
                    where = (*place, "any_of", index) if step.any_of else place
                    self.report(where, f"state what is expected: expect: {NOTHING}, or fields of {shape.name}", False)
        for index, path in enumerate(step.distinct):
            if shape is None or shape.at(path) is None:
                self.report((*place, "distinct", index), f"{called(shape)} has no field {path!r}", False)
        self.names |= saved | set(action.parameters.saves(step.arguments))
        self.channels.update(action.parameters.opens(step.arguments))
        self.made(action.parameters, step.arguments)

    def message(self, step: Step, action: Action, place: Place) -> None:
        request = action.request() if action.request else None
        tampered = asn1_shape(action.tampered) if action.tampered else request
        for name, given, shape in (("with", step.with_ is not None, request), ("tamper", step.tamper, tampered)):
            if given and shape is None:
                self.report((*place, name), f"{action.name} takes no {name!r}; it has {_known(action)}", True)
        if step.with_ is not None and request is not None:
            self.references(step.with_, (*place, "with"))
            lint_with(step.with_, request, (*place, "with"), self.report)
        if tampered is not None:
            for where, message in tamper_mistakes(step.tamper, tampered):
                self.report((*place, "tamper", *where), message, False)
            self.references(step.tamper, (*place, "tamper"))

    def expectation(self, expectation: Expectation, shape: Shape | None, place: Place, saved: set[str]) -> None:
        if expectation.status and self.kind is not None and self.kind.answer == "sw":
            self.report((*place, "status"), "status is for ES9+; a card answers with a status word, write sw", True)
        if expectation.sw and self.kind is not None and self.kind.answer == "status":
            self.report((*place, "sw"), f"sw is for cards; {self.kind.title} answers with a status, write status", True)
        if expectation.expect is not None:
            if shape is None:
                self.report((*place, "expect"), "this action has no answer, so it takes no expect", True)
            elif expectation.expect != NOTHING or not shape.optional:
                self.references(expectation.expect, (*place, "expect"))
                saved |= _saved_in(expectation.expect)
                lint_expect(expectation.expect, shape, (*place, "expect"), self.report)
        for index, call in enumerate(expectation.verify):
            where = (*place, "verify", index)
            try:
                check = CHECKS.get(call.name)
            except LookupError as error:
                self.report(where, str(error), False)
                continue
            self.references(call.arguments, where)
            for inner, message in check.parameters.mistakes(call.arguments, check.name):
                self.report((*where, *inner), message, message.startswith("unknown"))


def _piece(model: type[Any], entry: Any) -> Any:
    """The model of one entry, without the keys that the model refuses: those are reported elsewhere."""
    for _ in range(2):
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            bad = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
            if not isinstance(entry, dict) or len(entry) != 1 or not bad:
                return None
            ((name, body),) = entry.items()
            if not isinstance(body, dict):
                return None
            entry = {name: {key: value for key, value in body.items() if key not in bad}}
    return None


def _known(action: Action) -> str:
    return f"the arguments {', '.join(action.parameters.names)}" if action.parameters.names else "no arguments"


def _saved_in(expected: Any) -> set[str]:
    """Names that ``save`` operators give."""
    if isinstance(expected, Mapping):
        own = {expected["save"]} if isinstance(expected.get("save"), str) else set()
        return own.union(*(_saved_in(entry) for entry in expected.values()))
    return set().union(*(_saved_in(entry) for entry in expected)) if isinstance(expected, list) else set()


def model_keys(model: type[BaseModel]) -> Iterable[str]:
    """The keys that a model has in a file."""
    return [entry.alias or name for name, entry in model.model_fields.items()]
