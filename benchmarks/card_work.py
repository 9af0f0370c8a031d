"""Counts anew what states and steps ask of a card: ``python -m benchmarks.card_work`` writes lab/card_work.json."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict

from benchmarks.card import opened
from pytest_euicc.conformance.engine.events import Event, SequenceFinished, StateStarted, StepStarted
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.iut.inputs import load_cases
from pytest_euicc.lab.card_time import AFTER, BEFORE, CardWork, Counting
from pytest_euicc.lab.card_work import CHANGED, FILE, READER, UNCHANGED, WHOLE, Mean
from pytest_euicc.lab.planning import changes_card
from pytest_euicc.options import Options


class _Means(Counting):
    """Counts how often each state and step came as well, and what came before and after by kind of sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.times: Counter[str] = Counter()
        self.around: dict[str, CardWork] = defaultdict(CardWork)

    def __call__(self, event: Event) -> None:
        """One event of the run."""
        super().__call__(event)
        match event:
            case StateStarted():
                self.times[f"state {event.name}"] += 1
            case StepStarted():
                self.times[f"step {event.action}"] += 1
            case SequenceFinished() if event.result.apdus:
                kind = CHANGED if changes_card(event.result.case, event.result.sequence) else UNCHANGED
                self.times[kind] += 1
                self.around[kind] += self.by_cause.pop(BEFORE, CardWork()) + self.by_cause.pop(AFTER, CardWork())
            case _:
                pass

    def means(self) -> dict[str, Mean]:
        """By cause."""
        found = {**self.by_cause, **self.around}
        return {cause: _mean(found.get(cause, CardWork()), times) for cause, times in sorted(self.times.items())}


def _mean(work: CardWork, times: int) -> Mean:
    return (
        round(work.apdus / times, 2),
        round(work.authentications / times, 3),
        round(work.loads / times, 3),
    )


def counted(*, snapshots: bool) -> dict[str, Mean]:
    """Means of the eUICC suite."""
    harness, means = opened(snapshots=snapshots), _Means()
    runner = Runner(harness.session, [means])
    try:
        for case in load_cases(Options()):
            for sequence in case.sequences if case.iut == "euicc" else ():
                runner.run(case, sequence)
    finally:
        harness.close()
    return means.means()


def main() -> None:
    """Write the file."""
    reported = {WHOLE: counted(snapshots=True), READER: counted(snapshots=False)}
    lines = [
        f" {json.dumps(kind)}: {{\n"
        + ",\n".join(f"  {json.dumps(cause)}: {json.dumps(mean)}" for cause, mean in means.items())
        + "\n }"
        for kind, means in reported.items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{FILE}: {sum(map(len, reported.values()))} states and steps\n")


if __name__ == "__main__":
    main()
