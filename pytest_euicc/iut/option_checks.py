"""What the user gave a run, checked before it starts: options against each other, and the files that they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_euicc import resources
from pytest_euicc.card.transport import kinds
from pytest_euicc.errors import OptionError
from pytest_euicc.files import open_file
from pytest_euicc.iut.inputs import load_declarations, read_pki
from pytest_euicc.iut.lpa.opening import open_driver
from pytest_euicc.iut.smdp.opening import smdp_server
from pytest_euicc.options import OWN, SIMULATED, Options
from pytest_euicc.simulator.defect import known_defects
from pytest_euicc.simulator.variant import known_variants
from pytest_euicc.text import closest


def check(options: Options, *, workers: bool) -> None:
    """See that a run with these options can begin.

    Args:
        workers: several processes have the options; each writes a recording of its own.

    Raises:
        PytestEuiccError: an option or a file is wrong, or two options exclude each other; with every such pair.
    """
    declarations = load_declarations(options)
    server = smdp_server(options, declarations["smdp"])
    reported = list(_contradictions(options, server.urls["nist"] if server is not None else ""))
    if reported:
        raise OptionError("\n".join(reported))
    _card(options)
    if options.pki is not None:
        read_pki(options)
    if options.smdp_defects or options.smdp_variants:
        from pytest_euicc.simulator.smdp.defects import DEFECTS
        from pytest_euicc.simulator.smdp.variants import VARIANTS

        known_defects("--smdp-defect", options.smdp_defects, DEFECTS)
        known_variants("--smdp-variant", options.smdp_variants, VARIANTS)
    if options.lpa != OWN or options.lpa_defects or options.lpa_variants:
        open_driver(options)
    if options.record is not None and not workers and options.record.is_file():
        raise OptionError(
            f"--euicc-record {options.record}: this file already exists, and a recording overwrites none; remove it, "
            "or name another"
        )


def _contradictions(options: Options, server: str) -> Iterator[str]:
    """Options that exclude each other, one line a pair.

    Args:
        server: URL of the SM-DP+; empty for the simulated one.
    """
    simulators = (
        (options.kind == SIMULATED, "euicc", "the simulated eUICC", f"--euicc {options.euicc}"),
        (not server, "smdp", "the simulated SM-DP+", server),
        (options.lpa == OWN, "lpa", "the built-in LPA", f"--lpa {options.lpa}"),
    )
    for simulated, side, what, other in simulators:
        prefix = "" if side == "euicc" else f"{side}_"
        for kind in ("defect", "variant"):
            if getattr(options, f"{prefix}{kind}s") and not simulated:
                yield f"--{side}-{kind} is for {what}, not for {other}; omit one of them"
    kind, _, argument = options.euicc.partition(":")
    if kind == "replay" and options.record is not None and _same(Path(argument), options.record):
        yield f"--euicc-record {options.record} is what --euicc {options.euicc} reads; name another file"


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _card(options: Options) -> None:
    """The transport, the files that it reads, and what is switched on in a simulated eUICC."""
    kind, _, argument = options.euicc.partition(":")
    installed = kinds()
    if kind not in installed:
        hint = closest(kind, installed) or f"; available: {', '.join(sorted(installed))}"
        raise OptionError(f"--euicc {options.euicc}: there is no transport {kind!r}{hint}")
    if kind == SIMULATED:
        from pytest_euicc.simulator.euicc.defects import DEFECTS
        from pytest_euicc.simulator.euicc.settings import EuiccSettings, SettingsError
        from pytest_euicc.simulator.euicc.variants import VARIANTS

        known_defects("--euicc-defect", options.defects, DEFECTS)
        known_variants("--euicc-variant", options.variants, VARIANTS)
        file = resources.with_settings(options.euicc).partition(":")[2]
        if argument and not Path(file).exists() and file == argument:
            known = [card.name for card in resources.simulated_cards()]
            raise OptionError(
                f"--euicc {options.euicc}: there is no such file, and no typical eUICC of this name"
                f"{closest(argument, known) or '; those are ' + ', '.join(known)}"
            )
        try:
            if file:
                EuiccSettings.load(Path(file))
        except SettingsError as error:
            raise OptionError(f"--euicc: {error}") from None
    elif kind == "replay":
        if not argument:
            raise OptionError("--euicc replay: write the name of a trace file after a colon, replay:FILE")
        try:
            open_file(Path(argument)).close()
        except OSError as error:
            raise OptionError(f"--euicc {options.euicc}: {error.strerror or error}") from None
