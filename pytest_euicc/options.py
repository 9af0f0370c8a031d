"""What the user asked for, as plain values: one table of options, for pytest and for everything made from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_euicc.errors import PytestEuiccError

if TYPE_CHECKING:
    import pytest

    from pytest_euicc.conformance.files.orders import Hook

SIMULATED = "sim"
"""In place of a reader, or of a URL."""

_KEY = "pytest option"


class OptionError(PytestEuiccError):
    """An option cannot be used; the message names it and how to fix it."""


@dataclass(frozen=True)
class _Option:
    """One option of pytest, which is an ini key as well.

    Attributes:
        ini: kind of the ini key; empty for an option that belongs to one run only.
        read: makes the value from what was written; raises OptionError.
    """

    flag: str
    metavar: str
    help: str
    read: Callable[[str, Any], Any]
    ini: str
    dest: str

    @property
    def many(self) -> bool:
        """May be repeated."""
        return self.ini in ("paths", "")

    def add(self, group: pytest.OptionGroup, parser: pytest.Parser) -> None:
        """Make it known to pytest."""
        if self.ini == "bool":
            group.addoption(self.flag, dest=self.dest, action="store_true", default=None, help=self.help)
        elif self.many:
            group.addoption(self.flag, dest=self.dest, action="append", metavar=self.metavar, help=self.help)
        else:
            group.addoption(self.flag, dest=self.dest, metavar=self.metavar, help=self.help)
        if self.ini:
            unset: dict[str, Any] = {"string": "", "bool": False, "paths": []}
            parser.addini(self.dest, help=self.help, type=self.ini, default=unset[self.ini])  # type: ignore[arg-type]

    def given(self, config: pytest.Config) -> Any:
        """What was written on the command line, or in the ini file; empty where nothing was."""
        value = config.getoption(self.dest)
        return config.getini(self.dest) if value is None and self.ini else value


def _text(_flag: str, value: str) -> str:
    return value


def _yes(_flag: str, _value: Any) -> bool:
    return True


def _names(_flag: str, value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _path(_flag: str, value: str) -> Path:
    return Path(value)


def _existing(flag: str, value: Iterable[str | Path]) -> tuple[Path, ...]:
    paths = tuple(map(Path, value))
    for path in paths:
        if not path.exists():
            raise OptionError(f"{flag} {path}: there is no such file or folder")
    return paths


def _aid(flag: str, value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise OptionError(f"{flag} {value}: not hex; write the AID as A0000005591010…") from None


def _seconds(flag: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise OptionError(f"{flag} {value}: write seconds, such as 15 or 0.5")
    return seconds


def _option(
    default: Any, flag: str, metavar: str, text: str, read: Callable[[str, Any], Any] = _text, ini: str = "string"
) -> Any:
    # --smdp has kept the name that its ini key was given.
    dest = "euicc_smdp" if flag == "--smdp" else flag.lstrip("-").replace("-", "_")
    return field(default=default, metadata={_KEY: _Option(flag, metavar, text, read, ini, dest)})


@dataclass(frozen=True)
class Options:
    """What the user asked for; ``--help`` says what each option is.

    Attributes:
        euicc: transport, ``kind`` or ``kind:argument``.
        declaration: file; None takes that of the simulated eUICC, and for any other card an empty one.
        smdp: ``sim``, or the URL of an SM-DP+; empty: where the declaration says, or ``sim`` if it does not.
        smdp_declaration: file; None takes that of the simulated SM-DP+, and for any other server an empty one.
        worker: name of the xdist worker, empty without.
        provision: the hook by which a vendor provisions its SM-DP+.
        claims: folder in which the workers of a run note which profiles of the inventory they have taken.
    """

    euicc: str = _option(
        SIMULATED, "--euicc", "SPEC", "card: sim[:SETTINGS], pcsc[:READER], vpcd[:PORT], replay:FILE (default sim)"
    )
    declaration: Path | None = _option(
        None, "--euicc-declaration", "FILE", "what the implementation under test says of itself", _path
    )
    record: Path | None = _option(
        None, "--euicc-record", "FILE|DIR", "record every APDU to a trace that can be replayed", _path
    )
    isdr_aid: bytes | None = _option(
        None, "--euicc-isdr-aid", "HEX", "AID of the ISD-R, for cards with a vendor's own", _aid
    )
    pki: Path | None = _option(
        None, "--euicc-pki", "DIR", "CI certificates in the folder layout of SGP.26 (default: the test PKI)", _path
    )
    smdp: str = _option("", "--smdp", "sim|URL", "SM-DP+ to test, and to download from (default: as declared, or sim)")
    smdp_declaration: Path | None = _option(
        None, "--smdp-declaration", "FILE", "what the SM-DP+ under test says of itself", _path
    )
    smdp_timeout: float = _option(
        15.0, "--smdp-timeout", "SECONDS", "how long an SM-DP+ may take to connect and to answer (default 15)", _seconds
    )
    seed: str | None = _option(None, "--euicc-seed", "TEXT", "seed of the harness's randomness (default: a new one)")
    report: Path | None = _option(
        None,
        "--euicc-report",
        "DIR",
        "write the evidence of the run: run.json, every exchange, summary.html, a manifest",
        _path,
    )
    allow_destructive: bool = _option(
        False, "--euicc-allow-destructive", "",
        "let tests change a card in a real reader that the declaration does not list", _yes, "bool",
    )  # fmt: skip
    vectors: tuple[Path, ...] = _option(
        (), "--euicc-vectors", "PATH", "folder or file with vectors of your own, beside those of the package",
        _existing, "paths",
    )  # fmt: skip
    defects: tuple[str, ...] = _option(
        (), "--euicc-defect", "NAME", "switch a named defect of the simulated eUICC on (may be repeated)", _names, ""
    )
    smdp_defects: tuple[str, ...] = _option(
        (), "--smdp-defect", "NAME", "switch a named defect of the simulated SM-DP+ on (may be repeated)", _names, ""
    )
    worker: str = ""
    provision: Hook | None = None
    claims: Path | None = None

    @property
    def kind(self) -> str:
        """Kind of the transport."""
        return self.euicc.partition(":")[0]


def _table() -> list[tuple[Field[Any], _Option]]:
    return [(entry, entry.metadata[_KEY]) for entry in fields(Options) if _KEY in entry.metadata]


def add(parser: pytest.Parser) -> None:
    """Make every option known to pytest, each with an ini key of the same name."""
    group = parser.getgroup("euicc", "eUICC and SM-DP+ conformance")
    for _, option in _table():
        option.add(group, parser)


def given(config: pytest.Config) -> bool:
    """Whether the user named any of the options; a project that did not pays nothing for them."""
    return any(option.given(config) for _, option in _table())


def read(config: pytest.Config, **others: Any) -> Options:
    """What the user asked for; ``others`` are the fields that are no options, and defaults in place of ours.

    Raises:
        OptionError: an option cannot be read.
    """
    named = {entry.name: (option.flag, option.given(config), option.read) for entry, option in _table()}
    return Options(**others | {name: reader(flag, value) for name, (flag, value, reader) in named.items() if value})


def report_folder(config: pytest.Config) -> Path | None:
    """Folder of the reports; None where none are wanted."""
    option = next(option for entry, option in _table() if entry.name == "report")
    value = option.given(config)
    return Path(value) if value else None


def check_folder(flag: str, folder: Path | None) -> None:
    """Raises OptionError where no files can be written to a folder that is there or is to be made."""
    if folder is None:
        return
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise OptionError(f"{flag} {folder}: {place} is a file; name another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OptionError(f"{flag} {folder}: {place} cannot be written to; name another folder")
