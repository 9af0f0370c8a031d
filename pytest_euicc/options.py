"""Command line options and ini keys: one table for pytest, and their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_euicc import option_values as value
from pytest_euicc.option_values import FAIL_ON, OPERATORS
from pytest_euicc.run.shards import Shard

if TYPE_CHECKING:
    import pytest

    from pytest_euicc.conformance.engine.operator import OperatorRequest
    from pytest_euicc.conformance.files.orders import Hook

SIMULATED = "sim"
"""In place of a reader, or of a URL."""
_HARMLESS = (SIMULATED, "replay")
OWN = "own"
"""In place of the file for the driver of an LPA."""

_KEY = "pytest option"


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


def _option(
    default: Any,
    flag: str,
    metavar: str,
    text: str,
    read: Callable[[str, Any], Any] = value.as_written,
    ini: str = "string",
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
        0.0,
        "--euicc-wait",
        "SECONDS",
        "how long to wait for a card to be inserted (default 0)",
        value.seconds,
    )
    operator: str = _option(
        "",
        "--euicc-operator",
        "WHO",
        "who does manual steps, such as removing the card: none, terminal or hook (default none; sim: simulated)",
        value.operator,
    )
    operator_timeout: float = _option(
        120.0,
        "--euicc-operator-timeout",
        "SECONDS",
        "how long the operator may take for one request (default 120)",
        value.seconds,
    )
    declaration: Path | None = _option(
        None, "--euicc-declaration", "FILE", "declaration of the eUICC under test (YAML)", value.path
    )
    pool: Path | None = _option(
        None,
        "--euicc-pool",
        "FILE",
        "instead of one card: products with their declarations and cards (YAML)",
        value.path,
    )
    record: Path | None = _option(
        None, "--euicc-record", "FILE|DIR", "write every APDU to a trace file, for replay:FILE", value.path
    )
    euicc_timeout: float = _option(
        60.0,
        "--euicc-timeout",
        "SECONDS",
        "time limit for an answer of the card; five times that for a command with everything it announces (default 60)",
        value.seconds,
    )
    isdr_aid: bytes | None = _option(
        None, "--euicc-isdr-aid", "HEX", "AID of the ISD-R, for cards with a vendor-specific one", value.aid
    )
    pki: Path | None = _option(
        None,
        "--euicc-pki",
        "DIR",
        "certificates and keys in the folder layout of SGP.26 (default: built-in PKI)",
        value.path,
    )
    smdp: str = _option("", "--smdp", "sim|URL", "SM-DP+ to test and to download from (default: as declared, else sim)")
    smdp_declaration: Path | None = _option(
        None, "--smdp-declaration", "FILE", "declaration of the SM-DP+ under test (YAML)", value.path
    )
    smdp_timeout: float = _option(
        15.0,
        "--smdp-timeout",
        "SECONDS",
        "time limit for an SM-DP+ to connect and to answer (default 15)",
        value.seconds,
    )
    smdp_wait: float = _option(
        10.0,
        "--smdp-wait",
        "SECONDS",
        "how long to wait for an SM-DP+ that died during a test, before the next test (default 10)",
        value.seconds,
    )
    lpa: str = _option(
        "own", "--lpa", "own|FILE", "LPA to test: the built-in one (own), or a driver file (default own)"
    )
    lpa_declaration: Path | None = _option(
        None, "--lpa-declaration", "FILE", "declaration of the LPA under test (YAML)", value.path
    )
    lpa_timeout: float = _option(
        60.0,
        "--lpa-timeout",
        "SECONDS",
        "how long an LPA may be silent before it reports a result to its user (default 60)",
        value.seconds,
    )
    seed: str | None = _option(
        None,
        "--euicc-seed",
        "TEXT",
        "seed of all random values (default: a new one, which is reported)",
        value.safe_to_show,
    )
    tester: str = _option(
        "",
        "--euicc-tester",
        "TEXT",
        "who runs the tests, such as a name or a laboratory: named in the reports",
        value.safe_to_show,
    )
    report: Path | None = _option(
        None,
        "--euicc-report",
        "DIR",
        "write the evidence of the run: run.json, every exchange, summary.html, a manifest",
        value.path,
    )
    resume: Path | None = _option(
        None,
        "--euicc-resume",
        "DIR",
        "resume the interrupted run whose reports are in this folder; finished sequences are not run again",
        value.path,
    )
    fail_on: tuple[str, ...] = _option(
        FAIL_ON, "--euicc-fail-on", "KINDS",
        "what gives exit status 1, comma-separated: fail, inconclusive, restore, observation (default the first three)",
        value.kinds,
    )  # fmt: skip
    allow_destructive: bool = _option(
        False, "--euicc-allow-destructive", "",
        "let tests change a real card even if the declaration does not list it", value.yes, "bool",
    )  # fmt: skip
    keep_changes: bool = _option(
        False, "--euicc-keep-changes", "",
        "do not restore the card after a test in Python (fixtures euicc, isdr, lpa)", value.yes, "bool",
    )  # fmt: skip
    show_secrets: bool = _option(
        False, "--euicc-show-secrets", "",
        "do not mask confirmation codes, hashCc and keys in reports", value.yes, "bool",
    )  # fmt: skip
    plan: bool = _option(
        False, "--euicc-plan", "",
        "at the start, print which of the selected sequences apply, what they change and need", value.yes, "bool",
    )  # fmt: skip
    applicable_only: bool = _option(
        False, "--euicc-applicable-only", "",
        "deselect sequences that do not apply to what is declared, instead of skipping them", value.yes, "bool",
    )  # fmt: skip
    order: str = _option(
        "card", "--euicc-order", "card|vectors",
        "order of the sequences on a card in a reader: those that delete its own profiles last, or as written "
        "(default card)",
        value.order,
    )  # fmt: skip
    shard: Shard | None = _option(
        None,
        "--euicc-shard",
        "K/N",
        "run only the K-th of N parts; `pytest-euicc merge` merges them into one run",
        value.shard,
    )
    vectors: tuple[Path, ...] = _option(
        (), "--euicc-vectors", "PATH", "file or folder with your own vectors, in addition to those of the package",
        value.existing, "paths",
    )  # fmt: skip
    defects: tuple[str, ...] = _option(
        (),
        "--euicc-defect",
        "NAME",
        "switch on a named defect of the simulated eUICC (may be repeated)",
        value.names,
        "",
    )
    variants: tuple[str, ...] = _option(
        (),
        "--euicc-variant",
        "NAME",
        "switch on a permitted variant of the simulated eUICC (may be repeated)",
        value.names,
        "",
    )
    smdp_defects: tuple[str, ...] = _option(
        (),
        "--smdp-defect",
        "NAME",
        "switch on a named defect of the simulated SM-DP+ (may be repeated)",
        value.names,
        "",
    )
    smdp_variants: tuple[str, ...] = _option(
        (),
        "--smdp-variant",
        "NAME",
        "switch on a permitted variant of the simulated SM-DP+ (may be repeated)",
        value.names,
        "",
    )
    lpa_defects: tuple[str, ...] = _option(
        (), "--lpa-defect", "NAME", "switch on a named defect of the built-in LPA (may be repeated)", value.names, ""
    )
    lpa_variants: tuple[str, ...] = _option(
        (),
        "--lpa-variant",
        "NAME",
        "switch on a permitted variant of the built-in LPA (may be repeated)",
        value.names,
        "",
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

    @property
    def real_card(self) -> bool:
        """Whether it is a card that is changed only with permission."""
        return self.kind not in _HARMLESS


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
