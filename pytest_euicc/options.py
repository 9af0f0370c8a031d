"""Command line options and ini keys: one table for pytest, and their values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.run.shards import Shard
from pytest_euicc.text import closest, printable

if TYPE_CHECKING:
    import pytest

    from pytest_euicc.conformance.engine.operator import OperatorRequest
    from pytest_euicc.conformance.files.orders import Hook

SIMULATED = "sim"
"""In place of a reader, or of a URL."""
OWN = "own"
"""In place of the file for the driver of an LPA."""

FAILURES = ("fail", "inconclusive", "restore", "observation")
"""What can count as a failure of a run."""
FAIL_ON = FAILURES[:3]
OPERATORS = ("none", "terminal", "hook")
"""Who does what only a person can do."""
_KEY = "pytest option"


class OptionError(PytestEuiccError):
    """An option cannot be used; the message names it and how to fix it."""


@dataclass(frozen=True)
class _Option:
    """One command line option of pytest, with its ini key.

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
        """Register it with pytest."""
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
        """The value on the command line or in the ini file; empty without one."""
        value = config.getoption(self.dest)
        return config.getini(self.dest) if value is None and self.ini else value


def _text(_flag: str, value: str) -> str:
    return value


def _printable(_flag: str, value: str) -> str:
    return printable(value)


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


def _shard(flag: str, value: str) -> Shard:
    shard = Shard.parse(value)
    if shard is None:
        raise OptionError(f"{flag} {value}: write which part of how many, such as 1/4 for the first of four")
    return shard


def _operator(flag: str, value: str) -> str:
    if value not in OPERATORS:
        raise OptionError(f"{flag}: no operator {value!r}{closest(value, OPERATORS)}")
    return value


def _kinds(flag: str, value: str) -> tuple[str, ...]:
    kinds = tuple(part.strip() for part in value.split(","))
    for kind in kinds:
        if kind not in FAILURES:
            raise OptionError(f"{flag} {value}: no kind {kind!r}{closest(kind, FAILURES)}")
    return kinds


def _order(flag: str, value: str) -> str:
    if value not in ("card", "vectors"):
        raise OptionError(f"{flag} {value}: write card or vectors")
    return value


def _option(
    default: Any, flag: str, metavar: str, text: str, read: Callable[[str, Any], Any] = _text, ini: str = "string"
) -> Any:
    # The ini key of --smdp has an older name.
    dest = "euicc_smdp" if flag == "--smdp" else flag.lstrip("-").replace("-", "_")
    return field(default=default, metadata={_KEY: _Option(flag, metavar, text, read, ini, dest)})


@dataclass(frozen=True)
class Options:
    """The values of all options; ``--help`` describes them.

    Attributes:
        euicc: the transport, ``kind`` or ``kind:argument``.
        declaration: a file; None means that of the simulated eUICC, and an empty one for any other card.
        smdp: ``sim`` or the URL of an SM-DP+; empty means as declared, else ``sim``.
        smdp_declaration: a file; None means that of the simulated SM-DP+, and an empty one for any other server.
        lpa: ``own`` or a file for the driver of another LPA.
        lpa_declaration: a file; None means that of our own LPA, and an empty one for any other.
        worker: name of the xdist worker, empty without xdist.
        provision: the hook by which a vendor provisions its SM-DP+.
        claims: folder in which workers record which profiles of the inventory are in use.
        ask: the hook by which a machine does what an operator would do.
        tell: shows a line to the person at the terminal, in place of the one before; empty text takes it away.
    """

    euicc: str = _option(
        SIMULATED,
        "--euicc",
        "SPEC",
        "card: sim[:NAME|FILE], pcsc[:READER|atr=HEX|eid=DIGITS], at:PORT, vpcd[:PORT] or replay:FILE (default sim)",
    )
    wait: float = _option(
        0.0, "--euicc-wait", "SECONDS", "how long to wait until a card is put into the reader (default 0)", _seconds
    )
    operator: str = _option(
        "",
        "--euicc-operator",
        "WHO",
        "who puts cards in and out and looks at devices: none, terminal or hook (default none; sim: a simulated one)",
        _operator,
    )
    operator_timeout: float = _option(
        120.0,
        "--euicc-operator-timeout",
        "SECONDS",
        "how long the operator may take for one request (default 120)",
        _seconds,
    )
    declaration: Path | None = _option(
        None, "--euicc-declaration", "FILE", "declaration of the eUICC under test (YAML)", _path
    )
    pool: Path | None = _option(
        None, "--euicc-pool", "FILE", "instead of one card: products with their declarations and cards (YAML)", _path
    )
    record: Path | None = _option(
        None, "--euicc-record", "FILE|DIR", "write every APDU to a trace file, for replay:FILE", _path
    )
    euicc_timeout: float = _option(
        60.0,
        "--euicc-timeout",
        "SECONDS",
        "time limit for a card to answer; five times that for a command with all it announces (default 60)",
        _seconds,
    )
    isdr_aid: bytes | None = _option(
        None, "--euicc-isdr-aid", "HEX", "AID of the ISD-R, for cards with a vendor-specific one", _aid
    )
    pki: Path | None = _option(
        None,
        "--euicc-pki",
        "DIR",
        "certificates and keys in the folder layout of SGP.26 (default: built-in PKI)",
        _path,
    )
    smdp: str = _option("", "--smdp", "sim|URL", "SM-DP+ to test and to download from (default: as declared, else sim)")
    smdp_declaration: Path | None = _option(
        None, "--smdp-declaration", "FILE", "declaration of the SM-DP+ under test (YAML)", _path
    )
    smdp_timeout: float = _option(
        15.0, "--smdp-timeout", "SECONDS", "time limit for an SM-DP+ to connect and to answer (default 15)", _seconds
    )
    smdp_wait: float = _option(
        10.0,
        "--smdp-wait",
        "SECONDS",
        "how long to wait for an SM-DP+ that died under a test, before the next one (default 10)",
        _seconds,
    )
    lpa: str = _option(
        "own", "--lpa", "own|FILE", "LPA to test: our own one, or a file that says how it is driven (default own)"
    )
    lpa_declaration: Path | None = _option(
        None, "--lpa-declaration", "FILE", "declaration of the LPA under test (YAML)", _path
    )
    lpa_timeout: float = _option(
        60.0,
        "--lpa-timeout",
        "SECONDS",
        "how long an LPA may take without sending anything until it tells its user a result (default 60)",
        _seconds,
    )
    seed: str | None = _option(
        None, "--euicc-seed", "TEXT", "seed of all random values (default: a new one, which is reported)", _printable
    )
    tester: str = _option(
        "",
        "--euicc-tester",
        "TEXT",
        "who runs the tests, such as a name or a laboratory: named in the reports",
        _printable,
    )
    report: Path | None = _option(
        None,
        "--euicc-report",
        "DIR",
        "write the evidence of the run: run.json, every exchange, summary.html, a manifest",
        _path,
    )
    resume: Path | None = _option(
        None,
        "--euicc-resume",
        "DIR",
        "go on with a run that was cut short, in the folder of its reports; what it has done is not done again",
        _path,
    )
    fail_on: tuple[str, ...] = _option(
        FAIL_ON, "--euicc-fail-on", "KINDS",
        "what gives exit status 1, with commas: fail, inconclusive, restore, observation (default the first three)",
        _kinds,
    )  # fmt: skip
    allow_destructive: bool = _option(
        False, "--euicc-allow-destructive", "",
        "let tests change a real card even if the declaration does not list it", _yes, "bool",
    )  # fmt: skip
    keep_changes: bool = _option(
        False, "--euicc-keep-changes", "",
        "do not put the card back after a test in Python (fixtures euicc, isdr, lpa)", _yes, "bool",
    )  # fmt: skip
    show_secrets: bool = _option(
        False, "--euicc-show-secrets", "",
        "do not mask confirmation codes, hashCc and keys in reports", _yes, "bool",
    )  # fmt: skip
    plan: bool = _option(
        False, "--euicc-plan", "",
        "at the start, say which of the chosen sequences apply, what they change and need", _yes, "bool",
    )  # fmt: skip
    applicable_only: bool = _option(
        False, "--euicc-applicable-only", "",
        "deselect sequences that do not apply to what is declared, instead of skipping them", _yes, "bool",
    )  # fmt: skip
    order: str = _option(
        "card", "--euicc-order", "card|vectors",
        "order of the sequences on a card in a reader: as it takes least from the card, or as written (default card)",
        _order,
    )  # fmt: skip
    shard: Shard | None = _option(
        None, "--euicc-shard", "K/N", "run only the K-th of N parts; `pytest-euicc merge` makes one run of them", _shard
    )
    vectors: tuple[Path, ...] = _option(
        (), "--euicc-vectors", "PATH", "file or folder with your own vectors, in addition to those of the package",
        _existing, "paths",
    )  # fmt: skip
    defects: tuple[str, ...] = _option(
        (), "--euicc-defect", "NAME", "switch on a named defect of the simulated eUICC (may be repeated)", _names, ""
    )
    variants: tuple[str, ...] = _option(
        (),
        "--euicc-variant",
        "NAME",
        "switch a permitted variant of the simulated eUICC on (may be repeated)",
        _names,
        "",
    )
    smdp_defects: tuple[str, ...] = _option(
        (), "--smdp-defect", "NAME", "switch on a named defect of the simulated SM-DP+ (may be repeated)", _names, ""
    )
    smdp_variants: tuple[str, ...] = _option(
        (),
        "--smdp-variant",
        "NAME",
        "switch a permitted variant of the simulated SM-DP+ on (may be repeated)",
        _names,
        "",
    )
    lpa_defects: tuple[str, ...] = _option(
        (), "--lpa-defect", "NAME", "switch on a named defect of our own LPA (may be repeated)", _names, ""
    )
    lpa_variants: tuple[str, ...] = _option(
        (), "--lpa-variant", "NAME", "switch a permitted variant of our own LPA on (may be repeated)", _names, ""
    )
    worker: str = ""
    provision: Hook | None = None
    claims: Path | None = None
    tell: Callable[[str], None] = print
    ask: Callable[[OperatorRequest], str | None] | None = None

    @property
    def has_operator(self) -> bool:
        """Whether somebody does what only a person can do; the simulated eUICC has somebody by default."""
        return (self.operator or ("hook" if self.kind == SIMULATED else OPERATORS[0])) != OPERATORS[0]

    @property
    def kind(self) -> str:
        """Kind of the transport."""
        return self.euicc.partition(":")[0]


@cache
def _table() -> list[tuple[Field[Any], _Option]]:
    return [(entry, entry.metadata[_KEY]) for entry in fields(Options) if _KEY in entry.metadata]


def table() -> tuple[_Option, ...]:
    """Every option, in the order of ``--help``."""
    return tuple(option for _, option in _table())


def flags() -> list[str]:
    """What the options are called on the command line."""
    return [option.flag for _, option in _table()]


def add(parser: pytest.Parser) -> None:
    """Register every option with pytest, each with an ini key of the same name."""
    group = parser.getgroup("euicc", "eUICC and SM-DP+ conformance")
    for _, option in _table():
        option.add(group, parser)


def given(config: pytest.Config) -> bool:
    """Whether the user gave any of the options; if not, nothing is loaded."""
    return any(option.given(config) for _, option in _table())


def read(config: pytest.Config, **others: Any) -> Options:
    """What the user asked for; ``others`` are the fields that are no options, and defaults in place of ours.

    Raises:
        OptionError: an option cannot be read.
    """
    named = {entry.name: (option.flag, option.given(config), option.read) for entry, option in _table()}
    return Options(**others | {name: reader(flag, value) for name, (flag, value, reader) in named.items() if value})


def report_folder(config: pytest.Config) -> Path | None:
    """Folder for the reports, that of a run which is gone on with first; None if there are to be none."""
    return resume_folder(config) or _path_of("report", config)


def resume_folder(config: pytest.Config) -> Path | None:
    """Folder of the run that is gone on with; None where a new one begins."""
    return _path_of("resume", config)


def pool_file(config: pytest.Config) -> Path | None:
    """The pool of cards; None without one."""
    return _path_of("pool", config)


def _path_of(name: str, config: pytest.Config) -> Path | None:
    value = next(option for entry, option in _table() if entry.name == name).given(config)
    return Path(value) if value else None


def show_secrets(config: pytest.Config) -> bool:
    """Whether reports may hold secrets."""
    return bool(next(option for entry, option in _table() if entry.name == "show_secrets").given(config))


def check_folder(flag: str, folder: Path | None) -> None:
    """Raises OptionError where no files can be written to a folder that is there or is to be made."""
    if folder is None:
        return
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise OptionError(f"{flag} {folder}: {place} is a file; name another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OptionError(f"{flag} {folder}: {place} cannot be written to; name another folder")
