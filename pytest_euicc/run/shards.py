"""One run as several: which part of the collected tests is that of a shard (``--euicc-shard``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_WRITTEN = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``count`` parts, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard | None:
        """Of ``1/4``; None where the text is something else."""
        found = _WRITTEN.fullmatch(text.strip())
        if found is None or int(found[1]) > int(found[2]):
            return None
        return cls(int(found[1]), int(found[2]))

    def divide(self, items: list[T]) -> tuple[list[T], list[T]]:
        """Tests of this shard, and those of the others.

        Every ``count``-th test: neighbours take about the same time, so the shards do as well. Every shard of the same
        selection of the same vectors divides the same list, so that each test is in just one of them.
        """
        mine = items[self.number - 1 :: self.count]
        others = [item for index, item in enumerate(items) if index % self.count != self.number - 1]
        return mine, others

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
