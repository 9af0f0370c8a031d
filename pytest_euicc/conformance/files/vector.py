"""The vector file as pydantic models: what is written, nothing of how it runs."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

_DOCUMENT = r"(?:[A-Z][A-Za-z]*[A-Za-z0-9./ -]* )?"
_CLAUSE = re.compile(_DOCUMENT + r"(?:Annex [A-Z]|[A-Z]?\d+[a-z]?)(?:\.\d+[a-z]?)*(?:/[A-Z0-9]+)?")
_STATUS = re.compile(r"[69][0-9A-FXx]{3}|[69][0-9a-fx]{3}|error")
_EXECUTION = re.compile(
    r"success|failed|closed|killed|no answer in time|HTTP [1-5][0-9x]{2}|[0-9]+(?:\.[0-9]+)*/[0-9]+(?:\.[0-9]+)*"
)


def _check_clause(text: str) -> str:
    if not _CLAUSE.fullmatch(text):
        raise ValueError(f'{text!r} is not a clause; write the number, such as "5.7.7" or "ISO 7816-4 7.4"')
    return text


def _check_status(text: str) -> str:
    if not _STATUS.fullmatch(text):
        raise ValueError(
            f'{text!r} is not a status word; write four hex digits with x for any, such as "6Axx", or error'
        )
    return text if text == "error" else text.upper().replace("X", "x")


def _check_execution(text: str) -> str:
    if not _EXECUTION.fullmatch(text):
        raise ValueError(
            f'{text!r} is no status; write success, failed, a code such as "8.1/6.1", "HTTP 4xx", closed, '
            "killed (an LPA, by the bench) or no answer in time"
        )
    return text


def _number_as_text(value: Any) -> Any:
    # An unquoted 9000 or 5 is a number in YAML; status words and clauses are text.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _one_or_many(pattern: re.Pattern[str], *kinds: str) -> WithJsonSchema:
    """For editors: text of this form, or a list of such texts. 5.7 and 9000 without quotes are numbers for them."""
    one = {"type": ["string", *kinds], "pattern": f"^(?:{pattern.pattern})$"}
    return WithJsonSchema({**one, "type": [*one["type"], "array"], "items": one, "minItems": 1})


_NUMBER_TOO = WithJsonSchema({"type": ["string", "number"], "pattern": f"^(?:{_CLAUSE.pattern})$"})
Clause = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_check_clause), _NUMBER_TOO]
StatusWord = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_check_status)]
ExecutionStatus = Annotated[
    list[Annotated[str, AfterValidator(_check_execution)]],
    BeforeValidator(_as_list),
    Field(min_length=1),
    _one_or_many(_EXECUTION),
]
StatusWords = Annotated[
    list[StatusWord], BeforeValidator(_as_list), Field(min_length=1), _one_or_many(_STATUS, "number")
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Clauses(_Model):
    """Where the requirement stands: SGP.22 clauses, the SGP.23 group, clauses of other documents with their names."""

    sgp22: list[Clause] = []
    sgp23: Clause | None = None
    other: list[Clause] = []


class Expectation(_Model):
    """What must come: status words of a card or the status of an ES9+ function, the decoded value, named checks.

    ``expect`` is kept as written; None means that no expectation on the value was given.
    """

    sw: StatusWords | None = None
    status: ExecutionStatus | None = None
    expect: Any = None
    verify: list[Call] = []
    because: str | None = None


def _one_key(value: Any, what: str) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, body),) = value.items()
        if isinstance(name, str):
            return name, body
    raise ValueError(f"{what} is a name, or a mapping with the name as its only key")


class Call(_Model):
    """A name with arguments: a state in ``given`` or a check in ``verify``."""

    name: str
    arguments: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_one_key(cls, value: Any) -> Any:
        if isinstance(value, Call):
            return value
        name, body = _one_key(value, "an entry")
        if body is not None and not isinstance(body, dict):
            raise ValueError(f"the arguments of {name!r} must be a mapping, such as {{{name}: {{as: p1}}}}")
        return {"name": name, "arguments": body or {}}


class Step(Expectation):
    """One action with what it sends and what must come back; ``arguments`` are the keys that belong to the action."""

    action: str
    title: str | None = None
    with_: Any = Field(default=None, alias="with")
    tamper: list[dict[str, Any]] = []
    channel: str | None = None
    any_of: list[Expectation] = []
    repeat: Annotated[int, Field(ge=1, le=100_000)] = 1
    distinct: list[str] = []
    arguments: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_one_key(cls, value: Any) -> Any:
        name, body = _one_key(value, "a step")
        if body is not None and not isinstance(body, dict):
            raise ValueError(f"the body of {name!r} must be a mapping, such as {name}: {{expect: …}}")
        known = {key: entry for key, entry in (body or {}).items() if key in STEP_KEYS}
        rest = {key: entry for key, entry in (body or {}).items() if key not in STEP_KEYS}
        return {**known, "action": name, "arguments": rest}

    @model_validator(mode="after")
    def _consistent(self) -> Step:
        if self.any_of and (self.sw or self.status or self.expect is not None):
            raise ValueError("any_of holds the choices of sw, status and expect; do not give these beside it")
        if self.distinct and self.repeat == 1:
            raise ValueError("distinct compares the answers of a repeated step; give repeat: n")
        return self

    @cached_property
    def expectations(self) -> list[Expectation]:
        """The choices, of which one must hold; a step without ``any_of`` has one."""
        return self.any_of or [Expectation(sw=self.sw, status=self.status, expect=self.expect)]


STEP_KEYS = frozenset(
    {
        "title",
        "because",
        "with",
        "tamper",
        "sw",
        "status",
        "expect",
        "verify",
        "channel",
        "any_of",
        "repeat",
        "distinct",
    }
)
"""Keys of a step that belong to the format; all others are arguments of the action."""

Severity = Literal["blocker", "critical", "normal", "minor", "trivial"]


Origin = Literal["own", "sgp23"]
"""Who wrote a sequence: SGP.23 gives it a number, or it is ours (or a vendor's)."""

_Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]*$")]


class Sequence(_Model):
    """One test sequence: the states it starts from, its steps, and steps that tidy up.

    ``requirement`` is one sentence in plain English: what the specification demands. ``origin`` is that of the case
    unless it is given; ``sgp23`` is SGP.23's number where the id is not that number already. ``formerly`` are ids
    that the sequence had in earlier releases, so that summaries of these can still be compared.
    """

    id: _Id
    title: str
    requirement: str | None = None
    origin: Origin | None = None
    sgp23: Annotated[str, Field(pattern=r"^[0-9]{2}$")] | None = None
    formerly: list[_Id] = []
    description: str | None = None
    clauses: list[Clause] = []
    applicability: str | None = None
    severity: Severity | None = None
    given: list[Call] = []
    changes_card: bool = False
    steps: Annotated[list[Step], Field(min_length=1)]
    finally_: list[Step] = Field(default=[], alias="finally")
    _line: int = PrivateAttr(default=0)
    _declared: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _find_declared(self) -> Sequence:
        # Once, where it is read: each run asks it of each sequence, also of those that do not apply.
        from pytest_euicc.conformance.values.resolve import references

        found = (reference.partition(".") for _, reference in references(self.model_dump()))
        self._declared = tuple(rest for name, _, rest in found if name == "declaration")
        return self

    @property
    def declared(self) -> tuple[str, ...]:
        """What it takes of the declaration, as ``settings.tac``, in the order in which it is mentioned."""
        return self._declared

    @property
    def line(self) -> int:
        """Where it begins in its file, counted from 1; 0 where that is not known."""
        return self._line


class Case(_Model):
    """One vector file: a test case with its sequences."""

    case: Annotated[str, Field(pattern=r"^[A-Za-z][\w.+-]*$")]
    title: str
    description: str | None = None
    iut: str
    """The kind of implementation under test: ``euicc``, ``smdp``, or one that another package registers."""
    interface: str
    clauses: Clauses
    origin: Annotated[Origin, Field(validation_alias=AliasChoices("origin", "numbering"))] = "own"
    """Files of 0.1.0 call it ``numbering``."""
    severity: Severity = "normal"
    applicability: str | None = None
    sequences: Annotated[list[Sequence], Field(min_length=1)]
    _file: str = PrivateAttr(default="")

    @property
    def file(self) -> str:
        """The file that it was read from; empty where there is none."""
        return self._file

    def moved_to(self, file: str) -> None:
        """Its file has another path now."""
        self._file = file

    def read_from(self, file: str, lines: list[int]) -> None:
        """Note the file and the line of each sequence, for reports."""
        self._file = file
        for sequence, line in zip(self.sequences, lines, strict=True):
            sequence._line = line

    def sequence_id(self, sequence: Sequence) -> str:
        """The name of a sequence over all files: ``<case>_<id>``."""
        return f"{self.case}_{sequence.id}"

    def origin_of(self, sequence: Sequence) -> Origin:
        """Whether a sequence is SGP.23's or own."""
        return sequence.origin or self.origin

    def sgp23_number(self, sequence: Sequence) -> str | None:
        """The group and number that SGP.23 gives a sequence, such as ``4.3.14 #05``; None for an own one.

        An id such as ``01a`` is a part of SGP.23's sequence 01.
        """
        if self.origin_of(sequence) == "own" or self.clauses.sgp23 is None:
            return None
        return f"{self.clauses.sgp23} #{sequence.sgp23 or sequence.id[:2]}"

    def former_ids(self, sequence: Sequence) -> list[str]:
        """Names that a sequence had over all files in earlier releases."""
        return [f"{self.case}_{old}" for old in sequence.formerly]

    def requirement_of(self, sequence: Sequence) -> str | None:
        """What the specification demands: the sequence's sentence, or the reasons that its steps give."""
        if sequence.requirement:
            return sequence.requirement
        steps = [*sequence.steps, *(choice for step in sequence.steps for choice in step.any_of)]
        return "; ".join(dict.fromkeys(step.because for step in steps if step.because)) or None

    def clause_list(self, sequence: Sequence) -> list[str]:
        """All clauses of a sequence, with the document's name, the sequence's own first."""
        own = [clause if not clause[0].isdigit() else f"SGP.22 {clause}" for clause in sequence.clauses]
        case = [f"SGP.22 {clause}" for clause in self.clauses.sgp22] + self.clauses.other
        return list(dict.fromkeys([*own, *case]))


Expectation.model_rebuild()
Step.model_rebuild()
