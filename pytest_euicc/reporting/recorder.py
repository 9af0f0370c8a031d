"""Writes the evidence of a run while it goes on: every exchange and every sequence, one JSON object a line.

Each worker has files of its own; times are seconds since 1970 by the clock of the machine, so that they can be put
side by side. What a killed process had done up to its last step is in the files.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from pytest_euicc.conformance.engine.events import (
    ApduExchanged,
    CheckFailed,
    Decoded,
    Event,
    HttpExchanged,
    OperatorAsked,
    Phase,
    SequenceFinished,
    SequenceStarted,
    StateReached,
    StateStarted,
    StepFinished,
    StepStarted,
)
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es9.binding import HttpExchange
from pytest_euicc.masking import command_text, mask, mask_value, response_text
from pytest_euicc.reporting.evidence import entry
from pytest_euicc.reporting.run_file import EXCHANGES, SEQUENCES

_LONGEST = 512
"""Characters of a text in a decoded value; longer ones are named by length and digest, and are in the exchanges."""


class RunRecorder:
    """A listener that writes ``sequences/WORKER.jsonl`` and ``exchanges/WORKER.jsonl`` below a folder.

    Args:
        worker: name of the process, such as ``gw0``.
        away: the folder is on another machine; what would be written is taken by ``take``.
        clock: seconds since 1970.

    Raises:
        OSError: the files cannot be made.
    """

    def __init__(
        self, folder: Path, worker: str, clock: Callable[[], float] = time.time, *, away: bool = False
    ) -> None:
        self._clock = clock
        self._name = f"{EXCHANGES}/{worker}.jsonl"
        names = (f"{SEQUENCES}/{worker}.jsonl", self._name)
        self._away = {name: io.StringIO() for name in names} if away else {}
        files: Iterable[TextIO] = self._away.values() if away else (_open(folder / name) for name in names)
        self._sequences, self._exchanges = files
        self._line = 0
        self._first = 1
        self._place: dict[str, Any] = {}
        self._steps: list[dict[str, Any]] = []
        self.identity: dict[str, str] = {}
        """Of a card of a pool: what goes into the record of each sequence."""
        self.fault = ""
        """Why no more can be written, such as a full disk; empty while it can."""

    def close(self) -> None:
        """Close the files; what a full disk no longer takes is reported by ``fault``."""
        for file in (self._sequences, self._exchanges):
            try:
                file.close()
            except OSError as error:
                self._failed(error)

    def take(self) -> dict[str, str]:
        """What was written since the last call, by file; empty where it is in the folder."""
        reported = {name: file.getvalue() for name, file in self._away.items() if file.tell()}
        for name in reported:
            self._away[name].seek(0)
            self._away[name].truncate()
        return reported

    def opened(self, card: dict[str, str]) -> None:
        """Write what the implementation under test reports about itself, for the record of a run that is killed."""
        try:
            self._write(self._sequences, {"card": card, "time": self._now()})
        except OSError as error:
            self._failed(error)

    def __call__(self, event: Event) -> None:
        """Take one event; what cannot be written is reported by ``fault``, as the card must still be restored."""
        if not self.fault:
            try:
                self._take(event)
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.fault = f"the evidence of the run cannot be written: {error.strerror or error}"

    def _take(self, event: Event) -> None:
        match event:
            case SequenceStarted():
                self._start(event)
            case StateStarted():
                self._step(Phase.STATE, 0, event.name, "")
            case StateReached():
                self._steps[-1]["passed"] = True
            case StepStarted():
                self._step(event.phase, event.number, event.action, event.title)
            case ApduExchanged():
                apdu = {"command": command_text(event.command), "response": response_text(event.response)}
                self._exchange({"apdu": apdu, "seconds": round(event.seconds, 6)})
            case HttpExchanged():
                self._exchange({"http": mask_value(http(event.exchange)), "seconds": round(event.exchange.seconds, 6)})
            case Decoded():
                self._decoded(event)
            case CheckFailed():
                problem = event.mismatch
                self._steps[-1]["problems"].append(
                    {"path": problem.path, "expected": mask(problem.expected), "actual": mask(problem.actual)}
                )
            case OperatorAsked():
                asked = {"task": event.request.task, "text": event.request.text, "answer": event.answer.answer}
                reported = {"time": self._now(), **self._place, **asked, "seconds": round(event.answer.seconds, 3)}
                self._write(self._sequences, {"operator": reported})
            case StepFinished():
                self._steps[-1]["passed"] = event.passed
            case SequenceFinished():
                self._finish(event)

    def _start(self, event: SequenceStarted) -> None:
        self._place = {"sequence": event.id, "step": ""}
        self._first, self._steps = self._line + 1, []
        begun = {"id": event.id, "title": event.sequence.title, "case": event.case.case}
        self._write(self._sequences, begun | {"interface": event.case.interface, "time": self._now()} | self.identity)

    def _step(self, phase: Phase, number: int, action: str, title: str) -> None:
        self._place["step"] = f"{phase.value} {number or action}"
        self._steps.append(
            {"phase": phase.value, "number": number, "action": action, "title": title, "passed": False, "problems": []}
        )

    def _decoded(self, event: Decoded) -> None:
        sent, received = (short(mask_value(to_json(value))) for value in (event.sent, event.received))
        reported = {"sent": sent, "received": received, "status": event.status}
        reported["sw"] = None if event.sw is None else f"{event.sw:04X}"
        self._steps[-1] |= reported

    def _exchange(self, reported: dict[str, Any]) -> None:
        self._line += 1
        self._write(self._exchanges, {"time": self._now(), **self._place, **reported})

    def _finish(self, event: SequenceFinished) -> None:
        reported = entry(event.result) | {"steps": self._steps} | self.identity
        if self._line >= self._first:
            reported["evidence"] = {"file": self._name, "first": self._first, "last": self._line}
        self._write(self._sequences, reported)

    def _now(self) -> float:
        return round(self._clock(), 6)

    @staticmethod
    def _write(file: TextIO, reported: dict[str, Any]) -> None:
        file.write(json.dumps(reported, ensure_ascii=True) + "\n")
        file.flush()


def _open(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8")


def short(value: Any) -> Any:
    """A decoded value with its long texts named by length and digest."""
    match value:
        case dict():
            return {name: short(entry) for name, entry in value.items() if name not in ("json", "headers")}
        case list():
            return [short(entry) for entry in value]
        case str() if len(value) > _LONGEST:
            digest = hashlib.sha256(value.encode("utf-8", "backslashreplace")).hexdigest()
            return f"{value[:32]}… ({len(value)} characters, SHA-256 {digest})"
    return value


def http(exchange: HttpExchange) -> dict[str, Any]:
    """A request and its answer as JSON holds them; a body that is no text is in base64."""
    reported: dict[str, Any] = {
        "method": exchange.method,
        "url": exchange.url,
        "headers": dict(exchange.headers),
        **_body("body", exchange.octets),
    }
    if exchange.reply is None:
        return reported | {"fault": str(exchange.fault)}
    reply = exchange.reply
    return reported | {"status": reply.status, "reply_headers": dict(reply.headers), **_body("reply", reply.octets)}


def _body(name: str, octets: bytes) -> dict[str, str]:
    try:
        return {name: octets.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(octets).decode()}
