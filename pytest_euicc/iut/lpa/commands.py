"""An LPA that is driven by commands: one process for each thing that the user does (see DriverFile)."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from pytest_euicc.conformance.engine.errors import NotReachable
from pytest_euicc.iut.lpa.belongings import Belongings
from pytest_euicc.iut.lpa.driver import Reach
from pytest_euicc.iut.lpa.driver_file import Command, DriverFile, Listed, Prompt
from pytest_euicc.iut.lpa.patience import Patience
from pytest_euicc.iut.lpa.streams import Streams
from pytest_euicc.iut.lpa.words import filled, not_taken, places_of, written
from pytest_euicc.peers.lpa.bench import Answer, Operation
from pytest_euicc.peers.lpa.script import Meanwhile
from pytest_euicc.rsp.iccid import to_octets

_LARGEST_LINE = 8 << 20
_OCTETS = ("iccid", "eid", "aid", "icon")
_CRASHES = ("Traceback (most recent call last):", "panic: ", "panicked at ", "Exception in thread ")
"""What the runtimes of Python, Go, Rust and Java write when a program crashes; its exit status is then positive."""
_MISSING: Any = object()
"""In place of a value that a result does not have."""


class CommandDriver:
    """The driver of a file (see LpaDriver)."""

    def __init__(self, file: DriverFile) -> None:
        self._file = file
        self.name = file.name
        self.speaks_tls = file.servers == "https"
        self.takes_isdr_aid = bool(file.isdr_aid)
        self.proxied = file.proxied
        program = os.environ.get(file.program_from, "") if file.program_from else ""
        self._program = program or file.program
        self._reach: Reach | None = None
        self._places: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._patience = Patience(0.0, int)
        self._belongings = Belongings(file)
        self._killed = False
        self._errors_before = 0
        """Octets on standard error before the operation."""

    def cannot(self, operation: Operation, arguments: Mapping[str, Any]) -> str | None:
        """Why not: the operation has no command, or its command has no place for an argument."""
        if operation == "restart":
            return None
        command = self._file.operations.get(operation)
        if command is None:
            return self._file.cannot.get(operation, "its driver has no command for it")
        taken = " ".join([*command.command, *(part for parts in command.options.values() for part in parts)])
        reason = not_taken(operation, arguments, taken)
        if reason is not None:
            return reason
        if arguments.get("default") and "default" not in command.options:
            return "its command does not contact the default SM-DP+"
        if arguments.get("enable") and "enable" not in command.options:
            return "its command does not enable what it downloads"
        return None

    def cannot_meanwhile(self, what: Meanwhile) -> str | None:
        """Any program can be killed; one that a signal aborts says so in its file."""
        if what == "abort" and not self._file.abort:
            return "its driver does not say how a download is aborted (abort: of its file)"
        return "its driver runs one command at a time" if what == "download" else None

    def meanwhile(self, what: Meanwhile, code: str) -> None:  # noqa: ARG002
        """Send the program a signal; it may have ended by itself."""
        process = self._process
        if process is not None and process.poll() is None:
            self._killed = what == "kill"
            process.send_signal(signal.SIGKILL if what == "kill" else signal.SIGINT)

    def begin(self, reach: Reach) -> None:
        """Every operation is a process of its own, so that there is nothing to start."""
        self._reach = reach
        if shutil.which(self._program) is None:
            where = (
                f", or name it in the environment variable {self._file.program_from}" if self._file.program_from else ""
            )
            raise NotReachable(f"{self._program}: no such program; install it{where}")
        self._places, surroundings = places_of(self._file, reach)
        self._belongings.renew()
        self._places |= self._belongings.places
        wanted = self._file.environment
        if reach.isdr_aid is not None:
            self._places["isdr_aid"] = reach.isdr_aid.hex().upper()
            wanted = wanted | self._file.isdr_aid
        given = {name: filled(value, self._places) for name, value in wanted.items()}
        self._environment = {**os.environ, **surroundings, **given}

    def perform(self, operation: Operation, arguments: Mapping[str, Any], timeout: float) -> Answer:
        """Run the program and answer what it passes on, until it ends."""
        if operation == "restart":
            return Answer("success")
        assert self._reach is not None  # noqa: S101  (perform comes after begin)
        command = self._file.operations[operation]
        words = self._words(command, self._reach, arguments)
        self._killed = False
        self._errors_before = self._belongings.errors_written
        try:
            with _heeding_interrupts():
                self._process = subprocess.Popen(  # noqa: S603  (the program that the user asked for, without a shell)
                    [self._program, *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._belongings.errors,
                    env=self._environment,
                )
        except (OSError, ValueError) as error:
            # An argument may hold what no program can be given, such as NUL.
            return Answer("failure", f"the program cannot be run with these arguments: {error}")
        try:
            lines, ended = self._converse(self._process, Streams(self._reach, self._file.http_timeout), timeout)
        finally:
            self._kill()
        if self._killed:
            return Answer("unknown", "killed by the bench", ending="killed")
        if not ended:
            return Answer("unknown", "\n".join(lines)[-2000:], ending="timeout")
        return self._reported(command, lines, self._process.returncode)

    def _words(self, command: Command, reach: Reach, arguments: Mapping[str, Any]) -> list[str]:
        given = self._places | {name: written(name, value) for name, value in arguments.items()}
        if "profile" not in given:
            given["profile"] = next((given[name] for name in ("iccid", "aid", "text") if name in given), "")
        code = reach.user.confirmation_code
        if code is not None and command.confirmation_code and "confirmation_code" not in given:
            given["confirmation_code"] = code
        words = list(command.command)
        for name, parts in command.options.items():
            if name in given:
                words += parts
        if "confirmation_code" in given and command.confirmation_code:
            words += command.confirmation_code
        return [filled(word, given) for word in words]

    # ------------------------------------------------------------------ the process

    def _converse(self, process: subprocess.Popen[bytes], streams: Streams, timeout: float) -> tuple[list[str], bool]:
        """Lines of output that passed nothing on, and whether the program came to its end in time."""
        assert process.stdout is not None  # noqa: S101
        assert self._reach is not None  # noqa: S101  (perform comes after begin)
        record = self._reach.user.record
        self._patience = patience = Patience(timeout, lambda: len(record.apdus) + len(record.calls))
        pending = b""
        lines: list[str] = []
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while (left := patience.left()) > 0:
                if not selector.select(left):
                    continue
                octets = os.read(process.stdout.fileno(), 1 << 16)
                if not octets:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(max(left, 0.1))
                        return lines, True
                    break
                *whole, pending = (pending + octets).split(b"\n")
                for line in whole:
                    self._line(process, streams, line.decode("utf-8", "replace"), lines)
                if len(pending) > _LARGEST_LINE:
                    break
        return lines, False

    def _line(self, process: subprocess.Popen[bytes], streams: Streams, line: str, lines: list[str]) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        answer = streams.answer(message) if isinstance(message, dict) else None
        if answer is not None:
            self._write(process, f"{answer}\n")
            return
        lines.append(line)
        for prompt in self._file.prompts:
            if prompt.when in line:
                self._write(process, self._replied(prompt, lines))

    def _replied(self, prompt: Prompt, lines: list[str]) -> str:
        assert self._reach is not None  # noqa: S101
        reply = self._reach.user.agrees({"text": "\n".join(lines[-3:])})
        return prompt.answers.get(reply, "")

    def _write(self, process: subprocess.Popen[bytes], text: str) -> None:
        """Write, for as long as there is time: a program may take long to read, or not read at all."""
        assert process.stdin is not None  # noqa: S101
        octets = text.encode()
        os.set_blocking(process.stdin.fileno(), False)
        with selectors.DefaultSelector() as selector, suppress(OSError):
            selector.register(process.stdin, selectors.EVENT_WRITE)
            while octets and (left := self._patience.left()) > 0:
                if selector.select(left):
                    # A program that has ended needs no answer.
                    octets = octets[os.write(process.stdin.fileno(), octets[: 1 << 16]) :]
                    self._patience.went_on()

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            if process.poll() is None:
                process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            process.wait()

    # ------------------------------------------------------------------ the result

    def _reported(self, command: Command, lines: list[str], status: int) -> Answer:
        results = self._file.results
        reported = "\n".join(lines)[-2000:]
        if status < 0:
            return Answer("unknown", f"ended by signal {-status}: {reported}", ending="crash")
        if results.last_object:
            result = _last_object("\n".join(lines))
        elif results.line:
            found = next((line for line in reversed(lines) if results.line in line), "")
            try:
                result = json.loads(found) if found else None
            except ValueError:
                return Answer("failure", f"the result is not JSON: {found[:400]}")
        else:
            return Answer("success", reported) if status == 0 else self._without_result(status, lines)
        if result is None:
            return self._without_result(status, lines)
        code = command.code or results.code
        good = results.success if command.success is None else command.success
        value = _at(result, code, _MISSING)
        well = (value in good if good else value is not _MISSING) if code else status == 0
        text = "; ".join(str(each) for path in results.text if (each := _at(result, path)) not in (None, ""))
        return Answer("success" if well else "failure", text, _values(command, result) if well else {})

    def _without_result(self, status: int, lines: list[str]) -> Answer:
        """A crash is not a failure that was reported to the user."""
        output = "\n".join(lines)
        both = f"{output}\n{self._belongings.errors_from(self._errors_before)}"
        if status and any(text in both for text in _CRASHES):
            return Answer("unknown", f"crashed, exit status {status}: {both[-2000:]}", ending="crash")
        return Answer("failure", f"no result, exit status {status}: {output[-2000:]}")

    def log(self) -> str | None:
        """See LpaDriver."""
        return self._belongings.log()

    def left_files(self) -> Mapping[str, bytes] | None:
        """See LpaDriver."""
        return self._belongings.files()

    def end(self) -> None:
        """End what still runs."""
        self._kill()
        self._process = None

    def close(self) -> None:
        """End what still runs."""
        self.end()
        self._belongings.close()


def _last_object(text: str) -> Any:
    """The last JSON object of an output, from a line that begins with it; None where there is none."""
    decoder = json.JSONDecoder()
    found: Any = None
    at = 0 if text.startswith("{") else text.find("\n{") + 1 or -1
    while at >= 0:
        end = at + 1
        with suppress(ValueError, RecursionError):
            found, end = decoder.raw_decode(text, at)
        at = text.find("\n{", end - 1) + 1 or -1
    return found


def _at(value: Any, path: str, missing: Any = None) -> Any:
    for part in path.split(".") if path else []:
        value = value.get(part, missing) if isinstance(value, dict) else missing
    return value


def _values(command: Command, result: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, where in command.values.items():
        if isinstance(where, Listed):
            entries = _at(result, where.at, _MISSING)
            if entries is None or isinstance(entries, dict):
                # Programs that write no list where it has no entry or one.
                entries = [] if entries is None else [entries]
            if isinstance(entries, list):
                found[name] = [
                    _present({key: _read(key, _at(entry, path)) for key, path in where.each.items()})
                    for entry in entries
                ]
        else:
            found |= _present({name: _read(name, _at(result, where))})
    return found


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _read(name: str, value: Any) -> Any:
    """Octets of what is digits or hex; anything that is neither stays text, which no expectation of octets meets."""
    if name == "iccid" and isinstance(value, str):
        with suppress(ValueError):
            return to_octets(value)
    if name in _OCTETS and isinstance(value, str):
        with suppress(ValueError):
            return bytes.fromhex(value)
    return value


@contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """A job in the background of a shell ignores SIGINT, and so would a program that it starts: nothing aborted it."""
    ignored = (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread()
    )
    if ignored:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
