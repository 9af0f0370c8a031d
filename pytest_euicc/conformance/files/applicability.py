"""Boolean expressions over a declaration: ``O_E_BRP and (version >= 2.4 or not O_E_CRL)``.

Names are options, ``version`` and ``svn``; comparisons are of versions. The result keeps every value it looked at, so
that a skipped sequence says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.conformance.values.text import parse_version
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest

Value = bool | tuple[int, int, int] | None
_TOKEN = re.compile(r"\s*(?:(?P<version>\d+(?:\.\d+)*)|(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|<|>|\(|\)))")
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
VERSIONS = ("version", "svn")
"""Names that stand for a version of the declaration."""


class ExpressionError(PytestEuiccError, ValueError):
    """An expression that cannot be read; ``column`` counts from 0 inside the expression."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass
class Applicability:
    """What came out: whether it applies, the expression, and the values of the names that were looked at."""

    applies: bool
    expression: str
    seen: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {value}" for name, value in self.seen.items())
        return f"requires {self.expression}; declared: {values}" if values else self.expression


@dataclass(frozen=True)
class Expression:
    """A parsed expression; ``names`` are all the names in it."""

    text: str
    names: tuple[str, ...]
    _evaluate: Callable[[Mapping[str, Value], dict[str, str]], Value]

    def evaluate(self, values: Mapping[str, Value]) -> Applicability:
        """Decide over ``values``: bool of each option (absent = not declared = false), versions as three numbers."""
        seen: dict[str, str] = {}
        return Applicability(self._evaluate(values, seen) is True, self.text, seen)


@cache
def parse(text: str) -> Expression:
    """Read an expression; the sequences of a suite share a few.

    Raises:
        ExpressionError: bad syntax, an unknown name, or a comparison of something else than versions.
    """
    return _Parser(text).parse()


_Node = Callable[[Mapping[str, Value], dict[str, str]], Value]


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    MAXIMUM_LENGTH = 2000

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self.tokens: list[tuple[str, str, int]] = []
        self.index = 0
        if len(text) > self.MAXIMUM_LENGTH:
            raise ExpressionError(f"expression of {len(text)} characters; at most {self.MAXIMUM_LENGTH}", 0)
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found or found.lastgroup is None:
                column = at + len(text[at:]) - len(text[at:].lstrip())
                raise ExpressionError(f"unexpected {text[column]!r} in {text!r}", column)
            self.tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            at = found.end()

    def parse(self) -> Expression:
        try:
            node = self.disjunction()
        except RecursionError:
            raise ExpressionError("expression nested too deep", 0) from None
        if self.index < len(self.tokens):
            _, token, column = self.tokens[self.index]
            raise ExpressionError(f"unexpected {token!r} in {self.text!r}; join parts with 'and' or 'or'", column)
        return Expression(self.text, tuple(dict.fromkeys(self.names)), node)

    def peek(self) -> str:
        return self.tokens[self.index][1] if self.index < len(self.tokens) else ""

    def take(self) -> tuple[str, str, int]:
        if self.index >= len(self.tokens):
            raise ExpressionError(f"{self.text!r} ends too early; an option or a version is missing", len(self.text))
        self.index += 1
        return self.tokens[self.index - 1]

    def disjunction(self) -> _Node:
        return self.joined("or", self.conjunction, any)

    def conjunction(self) -> _Node:
        return self.joined("and", self.negation, all)

    def joined(self, word: str, operand: Callable[[], _Node], combine: Callable[[list[bool]], bool]) -> _Node:
        nodes = [operand()]
        while self.peek() == word:
            self.index += 1
            nodes.append(operand())
        if len(nodes) == 1:
            return nodes[0]
        # All operands are evaluated so that the reason shows every value.
        return lambda values, seen: combine([node(values, seen) is True for node in nodes])

    def negation(self) -> _Node:
        if self.peek() == "not":
            self.index += 1
            inner = self.negation()
            return lambda values, seen: inner(values, seen) is not True
        return self.comparison()

    def comparison(self) -> _Node:
        start = self.tokens[self.index][2] if self.index < len(self.tokens) else len(self.text)
        left, left_version = self.operand()
        sign = self.peek()
        if sign not in _COMPARISONS:
            if left_version:
                raise ExpressionError(f"a version must be compared, as in 'version >= 2.4' (in {self.text!r})", start)
            return left
        self.index += 1
        right, right_version = self.operand()
        if not (left_version and right_version):
            raise ExpressionError(f"only versions can be compared, as in 'version >= 2.4' (in {self.text!r})", start)

        def compare(values: Mapping[str, Value], seen: dict[str, str]) -> Value:
            a, b = left(values, seen), right(values, seen)
            if not (isinstance(a, tuple) and isinstance(b, tuple)):
                return False
            outcomes = {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
            return outcomes[sign]

        return compare

    def operand(self) -> tuple[_Node, bool]:
        kind, token, column = self.take()
        if kind == "sign" and token[0] == "(":
            inner = self.disjunction()
            if self.peek() != ")":
                raise ExpressionError(f"closing parenthesis missing in {self.text!r}", column)
            self.index += 1
            return inner, False
        if kind == "version":
            try:
                version = parse_version(token if "." in token else f"{token}.0")
            except ValueError as error:
                raise ExpressionError(str(error), column) from None
            return (lambda _values, _seen: version), True
        if kind != "name" or token in ("and", "or", "not"):
            raise ExpressionError(f"unexpected {token!r} in {self.text!r}; an option or a version belongs here", column)
        if token not in VERSIONS and token not in OPTIONS:
            raise ExpressionError(f"unknown option {token!r}{closest(token, [*OPTIONS, *VERSIONS])}", column)
        self.names.append(token)

        def look_up(values: Mapping[str, Value], seen: dict[str, str]) -> Value:
            value = values.get(token, None if token in VERSIONS else False)
            seen[token] = ".".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
            return value

        return look_up, token in VERSIONS
