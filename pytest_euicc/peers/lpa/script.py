"""What card and servers answer otherwise than they do by themselves: rules that a vector writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.peers.lpa.layout import Layout
from pytest_euicc.peers.lpa.transport import Transport

Meanwhile = Literal[
    "abort", "refusal", "kill", "download", "another card", "card reset", "profile switch", "memory reset"
]
"""What happens while the LPA is at work; see `Rule.meanwhile`."""


class Rule(BaseModel):
    """One rule: which calls it applies to, and how they are answered.

    Attributes:
        function: name in the record, or a pattern: ``ES9+.AuthenticateClient``, ``ES9+.*``, ``SELECT``.
        host: of servers: only this one.
        nth: only this call, counted from the rule on; None: every one.
        block: of STORE DATA: only this block, from 0; ``middle``: any that is neither first nor last.
        sw: status word in place of the answer.
        octets: answer of a card in place of its own, in hex; empty for 9000 without data.
        value: answer of a card in place of its own, as a value of its type.
        with: overlays the value that card or server answers, which is encoded again.
        tamper: operations on the octets of a card's answer, or by name on those of members of a server's.
        status: of a server: refuses with ``subject/reason``, such as ``8.1/6.1``; ``failed`` without codes.
        message: of that refusal.
        json: members that replace those of a server's answer, unchanged.
        without: names of members to omit.
        layout: the JSON of a server's answer, written differently.
        mutate: seed of a fault in a server's answer, another one each time: in its JSON or in the octets of a member.
        http: HTTP status in place of the answer.
        headers: HTTP headers in addition to or in place of the usual ones.
        body: HTTP body in place of the answer.
        transport: over HTTPS, another HTTP/1.1 transfer form of the answer (see `Transport`).
        delay: seconds before the answer.
        cut: the connection ends ``before`` the request is carried out, ``after`` it, or ``inside`` the answer.
        power_cut: the card loses its power ``before`` the command is carried out or ``after`` it.
        meanwhile: what happens after the function was executed, before the LPA continues: the user's ``abort``, the
            user's ``refusal`` of everything asked from then on, or another ``download`` that the user begins; ``kill``
            of the LPA, which gets no answer any more; ``another card`` in the place of this one; a ``card reset`` by
            the modem, a ``profile switch`` or a ``memory reset`` by another application with the reset that follows,
            all of which close the LPA's channel.
        code: activation code of that download.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    function: str
    host: str | None = None
    nth: int | None = Field(default=None, ge=1)
    block: int | Literal["middle"] | None = None
    sw: Hex | None = None
    octets: Hex | None = None
    value: Any = None
    with_: Any = Field(default=None, alias="with")
    tamper: list[dict[str, Any]] | dict[str, list[dict[str, Any]]] = []
    status: str | None = None
    message: str = "scripted"
    json_: dict[str, Any] = Field(default={}, alias="json")
    without: list[str] = []
    layout: Layout | None = None
    mutate: int | None = None
    http: int | None = None
    headers: dict[str, str] = {}
    body: str | None = None
    transport: Transport | None = None
    delay: float = 0.0
    cut: Literal["before", "after", "inside"] | None = None
    power_cut: Literal["before", "after"] | None = None
    meanwhile: Meanwhile | None = None
    code: str = ""

    @property
    def replaces(self) -> bool:
        """Whether card or server is not asked at all."""
        whole = self.sw is not None or self.octets is not None or self.value is not None
        return whole or self.status is not None or self.http is not None or "before" in (self.cut, self.power_cut)


@dataclass
class Script:
    """The rules in force; the first that is for a call decides.

    Attributes:
        happens: carries out `Rule.meanwhile`.
    """

    rules: list[Rule] = field(default_factory=list)
    happens: Callable[[Rule], None] = lambda _rule: None
    _seen: dict[int, int] = field(default_factory=dict)

    def set(self, rules: Sequence[Rule]) -> None:
        """From here on these rules and no others; counting begins anew."""
        self.rules = list(rules)
        self._seen.clear()

    def add(self, rule: Rule) -> None:
        """One more rule."""
        self.rules.append(rule)

    def of(self, name: str, host: str = "", block: tuple[int, bool] | None = None) -> Rule | None:
        """The rule for a call that begins now.

        Args:
            block: number of a block of STORE DATA and whether it is the last; None for a whole call.
        """
        for number, rule in enumerate(self.rules):
            if (rule.block is None) is not (block is None) or not fnmatchcase(name, rule.function):
                continue
            if rule.host is not None and rule.host.lower() != host.lower():
                continue
            if block is not None and not _is_block(rule.block, *block):
                continue
            seen = self._seen[number] = self._seen.get(number, 0) + 1
            if rule.nth is None or rule.nth == seen:
                return rule
        return None

    def after(self, rule: Rule | None) -> None:
        """A call by this rule is on record: what was to happen meanwhile happens."""
        if rule is not None and rule.meanwhile is not None:
            self.happens(rule)


def _is_block(wanted: int | str | None, number: int, last: bool) -> bool:
    return (number > 0 and not last) if wanted == "middle" else wanted == number
