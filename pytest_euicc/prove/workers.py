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
from pytest_euicc.prove.runner import Job, Outcome, SequenceRunner

SILENCE = 60.0
"""Seconds without a verdict after which a run counts as hung; the slowest sequence takes a few."""
_END = 5.0


class WorkersError(PytestEuiccError):
    """No worker can start; the message says why."""


class Opener(Protocol):
    """Makes a runner inside a worker; goes through pickle where processes are not forked."""

    def open(self) -> SequenceRunner:
        """The runner."""


Portion = tuple[Job, ...]
"""What a worker gets at a time."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    left: deque[Job] = field(default_factory=deque)
    last_heard: float = 0.0

    def assign(self, portion: Portion) -> None:
        self.left, self.last_heard = deque(portion), time.monotonic()
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


class Workers:
    """Workers as a context: at its end, however it comes, none is left.

    Args:
        opener: makes the runner of a worker.
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

    def __enter__(self) -> Workers:
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
            WorkersError: a worker has no runner.
        """
        waiting = deque(portion for portion in portions if portion)
        while waiting or any(worker.left for worker in self._workers):
            self._assign(waiting)
            busy = {worker.connection: worker for worker in self._workers if worker.left}
            for connection in wait(list(busy), timeout=min(self._silence, 1.0)):
                yield self._receive(busy[connection], waiting)  # type: ignore[index]
            for worker in [worker for worker in self._workers if worker.left]:
                if time.monotonic() - worker.last_heard > self._silence:
                    yield self._discard(worker, waiting, f"hung: no verdict within {self._silence:.0f} s")

    def _assign(self, waiting: deque[Portion]) -> None:
        for worker in self._workers:
            if waiting and not worker.left:
                worker.assign(waiting.popleft())
        while waiting and len(self._workers) < self._jobs:
            worker = self._start()
            self._workers.append(worker)
            worker.assign(waiting.popleft())

    def _start(self) -> _Worker:
        ours, theirs = self._processes.Pipe()
        process = self._processes.Process(target=_serve, args=(self._opener, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _receive(self, worker: _Worker, waiting: deque[Portion]) -> Outcome:
        try:
            outcome: Outcome | str = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(_END)
            return self._discard(worker, waiting, f"the run ended its process (exit status {worker.process.exitcode})")
        if isinstance(outcome, str):
            raise WorkersError(f"a worker cannot start: {outcome}")
        worker.left.popleft()
        worker.last_heard = time.monotonic()
        return outcome

    def _discard(self, worker: _Worker, waiting: deque[Portion], reason: str) -> Outcome:
        """Give up a worker: its current run is inconclusive, another worker does the rest of its portion."""
        worker.end()
        self._workers.remove(worker)
        lost, *rest = worker.left
        if rest:
            waiting.append(tuple(rest))
        return Outcome(lost, lost.target, Verdict.INCONCLUSIVE, reason)


def _run(runner: SequenceRunner, job: Job) -> Outcome:
    try:
        return runner.run(job)
    except Exception as error:
        reason = f"fault of the harness: {type(error).__name__}: {error}"
        return Outcome(job, job.target, Verdict.INCONCLUSIVE, reason)


def _serve(opener: Opener, connection: Connection) -> None:
    """A worker's life: portions in, outcomes out, until the parent is gone."""
    # Ctrl-C is for the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    sentinels = [parent.sentinel] if parent else []
    try:
        runner = opener.open()
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    try:
        while connection in wait([connection, *sentinels]):
            portion: Portion = connection.recv()
            for job in portion:
                connection.send(_run(runner, job))
    except (EOFError, OSError):
        pass
    finally:
        runner.close()
