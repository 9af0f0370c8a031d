"""A journal of what a run is about to change on a real card; the next run restores what a killed one left."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pytest_euicc.card.errors import CardError
from pytest_euicc.conformance.engine import leftovers, library
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import InconclusiveError, SetupIncomplete
from pytest_euicc.conformance.engine.installed import delete_installed, forget_deleted, installed_by_tester
from pytest_euicc.conformance.engine.profiles import Profile
from pytest_euicc.conformance.engine.restore import Inventory, put_back, restore_by_commands, take_inventory
from pytest_euicc.conformance.files.observations import NOT_COMPARED
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.files import private_folder, read_file

_LARGEST = 16 << 20
_UNKNOWN = "no-eid"
_UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_SECTION = "restore what an earlier run left"


def folder() -> Path:
    """Where journals are: in the user's state folder (XDG base directories), open to nobody else."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "pytest-euicc" / "journal"


class Journal:
    """The journal of one card in one run.

    The first line holds what the card held when the run began; each further line a sequence that changes the card, or
    an ICCID that is about to be installed. Every line is on the disk before the change is made.

    Args:
        eid: names the file.
        before: what to go back to; None for a card that does not say, of which only what is installed can be removed.
        lock: released when the run is over.
        others: what else the card held, by the kinds of LEFTOVERS.
    """

    def __init__(
        self, eid: str, before: Inventory | None, lock: FileLock | None = None, others: dict[str, Any] | None = None
    ) -> None:
        self.path = folder() / f"{eid}.jsonl"
        self._lock = lock
        self._eid = eid
        self._before = before
        self._others = others or {}
        self._sequence = ""
        self._cut_short: set[str] = set()
        self._handle: int | None = None
        # The journal of an earlier run that could not be restored is continued, and is kept.
        self._goes_on = self.path.exists()

    def change(self, sequence: str) -> None:
        """A sequence is about to change the card; raises SetupIncomplete where that cannot be written down."""
        if sequence != self._sequence:
            self._write({"sequence": sequence})
            self._sequence = sequence
        self._cut_short.add(sequence)

    def installing(self, iccid: bytes) -> None:
        """A profile is about to be installed; raises SetupIncomplete where that cannot be written down."""
        self._write({"installing": iccid.hex()})

    def note(self, kind: str, data: dict[str, Any]) -> None:
        """Something of a kind of LEFTOVERS is about to be left; raises SetupIncomplete as `change`."""
        self._write({kind: data})

    def restored(self, sequence: str) -> None:
        """A sequence has restored what it changed, or has reported that it could not."""
        self._cut_short.discard(sequence)

    def close(self) -> None:
        """The run is over; the journal stays where a sequence could not even try, as with a second Ctrl-C."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            if not self._goes_on and not self._cut_short:
                self.path.unlink(missing_ok=True)
                _sync(self.path.parent)
        if self._lock is not None:
            self._lock.release()

    def _write(self, line: dict[str, Any]) -> None:
        try:
            if self._handle is None:
                self._handle = self._open()
            self._append(self._handle, line)
        except OSError as error:
            raise SetupIncomplete(
                f"the journal {self.path} cannot be written ({error.strerror}); the card is not changed without it, as "
                "it could not be restored after a power loss"
            ) from None

    def _open(self) -> int:
        private_folder(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self.path, flags, 0o600)
        # What the card held before the earlier run is what to go back to; half a line behind it is none.
        size = os.read(handle, _LARGEST).rfind(b"\n") + 1 if self._goes_on else 0
        os.ftruncate(handle, size)
        if not size:
            started = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z"
            self._append(handle, {"eid": self._eid, "started": started, **self._held(), **self._others})
        _sync(self.path.parent)
        return handle

    @staticmethod
    def _append(handle: int, line: dict[str, Any]) -> None:
        octets = json.dumps(line).encode() + b"\n"
        while octets:
            octets = octets[os.write(handle, octets) :]
        os.fsync(handle)

    def _held(self) -> dict[str, Any]:
        if self._before is None:
            return {"profiles": None}
        profiles = {
            profile.iccid.hex(): {"enabled": profile.enabled, "nickname": profile.info.get("profileNickname", "")}
            for profile in self._before.profiles.values()
        }
        notifications = sorted(self._before.notifications)
        return {"profiles": profiles, "address": self._before.address, "notifications": notifications}


class _OfAnother:
    """In place of a journal: another run is going on, on a card that has or is without the same EID."""

    def __init__(self, eid: str) -> None:
        which = f"the EID {eid}" if eid else "no EID"
        self.reported = (
            f"another run has a card with {which}; a journal is for one card, so that this one is not changed "
            "meanwhile. Give each test card an EID of its own, or wait for the other run"
        )

    def change(self, sequence: str) -> None:  # noqa: ARG002
        raise SetupIncomplete(self.reported)

    def installing(self, iccid: bytes) -> None:  # noqa: ARG002
        raise SetupIncomplete(self.reported)

    def note(self, kind: str, data: dict[str, Any]) -> None:  # noqa: ARG002
        raise SetupIncomplete(self.reported)

    def restored(self, sequence: str) -> None:
        """Nothing was changed."""

    def close(self) -> None:
        """Nothing was opened."""


def start(session: Session, eid: str) -> str:
    """Put back what an earlier run left on this card, then begin the journal of this run.

    Args:
        eid: empty for a card that does not report it; its journal is for people, as it might be another card next time.

    Returns:
        What was found and what became of it, for people; empty where no run was cut short.
    """
    name = eid or _UNKNOWN
    try:
        lock = _lock(name)
    except Timeout:
        session.journal = _OfAnother(eid)
        return ""
    except OSError:
        # Nothing is changed where it cannot be written down either.
        lock = None
    reported = _recover(session, eid) if eid else _unknown()
    if session.refusal() is None:
        session.section("what the card holds")
        context = Context(session, "what the card holds")
        library.load()
        session.journal = Journal(name, take_inventory(context), lock, leftovers.held(context))
    elif lock is not None:
        lock.release()
    return reported


def _lock(name: str) -> FileLock:
    """Held by the process that has the card; raises Timeout where another does, and OSError."""
    private_folder(folder())
    lock = FileLock(folder() / f"{name}.lock", mode=0o600, thread_local=False)
    lock.acquire(timeout=0)
    return lock


def _unknown() -> str:
    """A journal of a card without an EID: nothing is restored, as it is not known which card it was."""
    path = folder() / f"{_UNKNOWN}.jsonl"
    try:
        first, *lines = _lines(read_file(path, _LARGEST))
        begun, sequences = first["started"], [line["sequence"] for line in lines if "sequence" in line]
    except FileNotFoundError:
        return ""
    except _UNREADABLE as error:
        return _put_aside(path, str(error))
    return (
        f"the run of {begun} was interrupted in {sequences[-1] if sequences else 'its first change'}, on a card that "
        f"did not report its EID; nothing was restored, as it may be another card. {path} says what it held; compare, "
        "and delete the file"
    )


def _recover(session: Session, eid: str) -> str:
    path = folder() / f"{eid}.jsonl"
    try:
        first, *lines = _lines(read_file(path, _LARGEST))
        before = _inventory(first)
        sequences = [line["sequence"] for line in lines if "sequence" in line]
        brought = [bytes.fromhex(line["installing"]) for line in lines if "installing" in line]
        reported = (
            f"the run of {first['started']} was interrupted in {sequences[-1] if sequences else 'its first change'}"
        )
    except FileNotFoundError:
        return ""
    except _UNREADABLE as error:
        return _put_aside(path, str(error))
    session.section(_SECTION)
    context = Context(session, _SECTION)
    try:
        known = before.profiles if before is not None else {}
        installed_by_tester(context).extend(iccid for iccid in brought if iccid not in known)
        library.load()
        if session.declaration.restore:
            restore_by_commands(context)
            leftovers.take_off(context, first, lines)
        else:
            # These first, as what manages the profiles of some cards needs their place.
            leftovers.take_off(context, first, lines)
            if before is not None:
                put_back(context, before)
            else:
                delete_installed(context)
                forget_deleted(context)
        context.reset(start=False)
    except (CardError, Es10Error, InconclusiveError) as error:
        return f"{reported}; the card could not be restored and the journal {path} is kept: {error}"
    unread = [found.text for found in context.observations if found.kind == NOT_COMPARED]
    if unread:
        return f"{reported}; the card could not be restored and the journal {path} is kept: {'; '.join(unread)}"
    path.unlink(missing_ok=True)
    left = f"; left behind on the card: {'; '.join(context.left_behind)}" if context.left_behind else ""
    return f"{reported}; the card was restored first{left}"


def _put_aside(path: Path, why: str) -> str:
    """A damaged journal is reported once and put aside."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    place = next(name for name in names if not os.path.lexists(name))
    reported = f"{path}: the journal of an earlier run cannot be read ({why})"
    try:
        path.rename(place)
    except OSError as error:
        return f"{reported} nor put aside ({error.strerror}); look at the card, and delete the file"
    return f"{reported}; nothing was restored. Look at the card; what can be read of the journal is in {place}"


def _lines(octets: bytes) -> list[dict[str, Any]]:
    """All whole lines; one that was being written when the power went stands for a change that was not made."""
    return [json.loads(line) for line in octets.split(b"\n")[:-1]]


def _inventory(first: dict[str, Any]) -> Inventory | None:
    if first["profiles"] is None:
        return None
    profiles = {}
    for digits, held in first["profiles"].items():
        iccid = bytes.fromhex(digits)
        info = {"iccid": iccid, "profileState": int(held["enabled"]), "profileNickname": str(held["nickname"])}
        profiles[iccid] = Profile(info)
    return Inventory(profiles, str(first["address"]), frozenset(map(int, first["notifications"])))


def _sync(place: Path) -> None:
    """The name of a file is on the disk once its folder is."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
