"""Worker processes: the parent distributes portions and survives a worker that hangs or dies."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Protocol

from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.prove.runner import Bench, Job, Outcome

SILENCE = 60.0
"""Seconds without a verdict after which a run counts as hung; the slowest sequence takes a few."""
_END = 5.0


class CrewError(PytestEuiccError):
    """No worker can run anything; the message says why."""


class Opener(Protocol):
    """Makes a bench inside a worker; goes through pickle where processes are not forked."""

    def open(self) -> Bench:
        """The bench."""


Portion = tuple[Job, ...]
"""What a worker gets at a time."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    left: deque[Job] = field(default_factory=deque)
    heard: float = 0.0

    def give(self, portion: Portion) -> None:
        self.left, self.heard = deque(portion), time.monotonic()
        # A worker that has died is noticed because it does not answer.
        with suppress(OSError):
            self.connection.send(portion)

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(_END)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Crew:
    """Workers as a context: at its end, however it comes, none is left.

    Args:
        opener: makes the bench of a worker.
        jobs: how many workers.
        silence: seconds after which a run that says nothing has hung.
    """

    def __init__(self, opener: Opener, jobs: int, silence: float = SILENCE) -> None:
        self._opener = opener
        self._jobs = jobs
        self._silence = silence
        self._workers: list[_Worker] = []
        # Forked, workers have everything imported. Elsewhere than on Linux forking is not safe.
        self._processes: ForkContext | SpawnContext
        if sys.platform == "linux":
            self._processes = multiprocessing.get_context("fork")
        else:
            self._processes = multiprocessing.get_context("spawn")

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def work(self, portions: Iterable[Portion]) -> Iterator[Outcome]:
        """Outcomes of all portions, as they come.

        Raises:
            CrewError: a worker has no bench.
        """
        waiting = deque(portion for portion in portions if portion)
        while waiting or any(worker.left for worker in self._workers):
            self._hand_out(waiting)
            busy = {worker.connection: worker for worker in self._workers if worker.left}
            for connection in wait(list(busy), timeout=min(self._silence, 1.0)):
                yield self._hear(busy[connection], waiting)  # type: ignore[index]
            for worker in [worker for worker in self._workers if worker.left]:
                if time.monotonic() - worker.heard > self._silence:
                    yield self._lose(worker, waiting, f"hung: no verdict within {self._silence:.0f} s")

    def _hand_out(self, waiting: deque[Portion]) -> None:
        for worker in self._workers:
            if waiting and not worker.left:
                worker.give(waiting.popleft())
        while waiting and len(self._workers) < self._jobs:
            worker = self._hire()
            self._workers.append(worker)
            worker.give(waiting.popleft())

    def _hire(self) -> _Worker:
        ours, theirs = self._processes.Pipe()
        process = self._processes.Process(target=_serve, args=(self._opener, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hear(self, worker: _Worker, waiting: deque[Portion]) -> Outcome:
        try:
            outcome: Outcome | str = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(_END)
            return self._lose(worker, waiting, f"the run ended its process (exit status {worker.process.exitcode})")
        if isinstance(outcome, str):
            raise CrewError(f"a worker cannot start: {outcome}")
        worker.left.popleft()
        worker.heard = time.monotonic()
        return outcome

    def _lose(self, worker: _Worker, waiting: deque[Portion], reason: str) -> Outcome:
        """Give up a worker: its current run is inconclusive, another worker does the rest of its portion."""
        worker.end()
        self._workers.remove(worker)
        guilty, *rest = worker.left
        if rest:
            waiting.append(tuple(rest))
        return Outcome(guilty.sequence, guilty.defect, guilty.variant, Verdict.INCONCLUSIVE, reason)


def _run(bench: Bench, job: Job) -> Outcome:
    try:
        return bench.run(job)
    except Exception as error:
        reason = f"fault of the harness: {type(error).__name__}: {error}"
        return Outcome(job.sequence, job.defect, job.variant, Verdict.INCONCLUSIVE, reason)


def _serve(opener: Opener, connection: Connection) -> None:
    """A worker's life: portions in, outcomes out, until the parent is gone."""
    # Ctrl-C is for the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    sentinels = [parent.sentinel] if parent else []
    try:
        bench = opener.open()
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    try:
        while connection in wait([connection, *sentinels]):
            portion: Portion = connection.recv()
            for job in portion:
                connection.send(_run(bench, job))
    except (EOFError, OSError):
        pass
    finally:
        bench.close()
