"""The arrows of docs/explanation/architecture.md: which module may import which, type-only imports included."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_euicc"
NAME = PACKAGE.name

PROTOCOLS = ("asn1", "card", "rsp", "ota", "es9", "es10", "lpa")
CONFORMANCE = ("values", "files", "engine", "reading")
ENGINE = tuple(f"conformance.{name}" for name in ("values", "files", "engine"))

EVERYBODY = ("cache", "document", "errors", "extras", "files", "masking", "text")
"""What every part may import."""

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "asn1": (),
    "rsp": ("asn1",),
    "ota": ("asn1",),
    "card": ("asn1",),
    "es10": ("asn1", "card"),
    "es9": ("asn1", "rsp"),
    "lpa": ("asn1", "rsp", "card", "es10", "es9"),
    # The SM-DP+ is a client of the operator's ES2+ face, so it shares TLS and the connection with es9.
    "simulator": (
        *("asn1", "rsp", "ota", "card.apdu", "card.transport", "card.errors", "card.vpcd_protocol"),
        *("es9.connection", "es9.errors", "es9.tls"),
    ),
    # The simulated LPA is our own one with defects; it meets card and servers through the protocols.
    "simulator.lpa": (*PROTOCOLS, "simulator.defect", "simulator.variant"),
    "conformance.values": PROTOCOLS,
    "conformance.files": (*PROTOCOLS, "conformance.values"),
    "conformance.engine": (*PROTOCOLS, "conformance.values", "conformance.files"),
    "conformance.reading": (*PROTOCOLS, *ENGINE),
    "peers": (*PROTOCOLS, *ENGINE),
    "interfaces": (*PROTOCOLS, *ENGINE, "peers"),
    # Its pages describe options and commands from the tables of both.
    "reporting": ("asn1", "es9", *ENGINE, "conformance.reading", "resources", "options", "cli_arguments"),
    "traces": (*PROTOCOLS, "conformance.values"),
    # They know implementations under test, the simulated ones among them; nothing below imports them.
    "iut": (*PROTOCOLS, *ENGINE, "conformance.reading", "peers", "interfaces", "simulator", "options", "resources"),
    # With the modules at the top it is pytest's face.
    "run": (
        *(*PROTOCOLS, *ENGINE, "conformance.reading", "iut", "lab", "reporting"),
        *("harness", "options", "resources"),
    ),
    "lab": (
        *(*PROTOCOLS, *ENGINE, "conformance.reading", "interfaces", "simulator", "iut", "reporting"),
        *("options", "resources"),
    ),
    "prove": (
        *(*PROTOCOLS, *ENGINE, "conformance.reading", "peers", "interfaces", "simulator", "iut", "reporting"),
        *("harness", "options", "resources"),
    ),
}
"""What each part may import beside itself; the modules at the top of the package may import all of it."""


@cache
def modules() -> dict[str, Path]:
    """Every module by its name below the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


@cache
def imported(name: str) -> frozenset[str]:
    """Modules of this package that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(modules()[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            if (node.module or "").partition(".")[0] == NAME:
                base = (node.module or "").removeprefix(NAME).lstrip(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".lstrip(".")
                    found.add(inner if inner in modules() else base)
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix(f"{NAME}.") for alias in node.names if alias.name.startswith(f"{NAME}.")}
    return frozenset(found)


def below(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_no_import_upwards(part: str) -> None:
    inner = [other for other in MAY_IMPORT if below(other, part) and other != part]
    names = [name for name in modules() if below(name, part) and not any(below(name, other) for other in inner)]
    assert names
    for name in names:
        for target in imported(name):
            assert any(below(target, allowed) for allowed in (part, *EVERYBODY, *MAY_IMPORT[part])), (
                f"{name} imports {target}; {part} may import {', '.join(MAY_IMPORT[part]) or 'nothing'}"
            )


def test_every_part_is_named() -> None:
    top = {name.partition(".")[0] for name, path in modules().items() if "." in name or path.name == "__init__.py"}
    assert top - {""} == {part.partition(".")[0] for part in MAY_IMPORT}
    inner = {name.split(".")[1] for name in modules() if name.startswith("conformance.")}
    assert inner == set(CONFORMANCE)


def test_no_import_circle() -> None:
    graph = {name: imported(name) - {name} for name in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")


def test_the_simulators_do_not_know_each_other() -> None:
    for name in modules():
        for here, there in (("simulator.euicc", "simulator.smdp"), ("simulator.smdp", "simulator.euicc")):
            if below(name, here):
                assert not [target for target in imported(name) if below(target, there)], name


def test_a_wrong_arrow_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test itself: a type-only import upwards, and a circle inside one part, are both found."""
    monkeypatch.setitem(MAY_IMPORT, "rsp", ())
    with pytest.raises(AssertionError, match="rsp may import nothing"):
        test_no_import_upwards("rsp")
    real = imported
    monkeypatch.setitem(globals(), "imported", lambda name: real(name) | ({"rsp.bpp"} if name == "rsp.bsp" else set()))
    with pytest.raises(pytest.fail.Exception, match="modules import each other"):
        test_no_import_circle()


def test_suites_import_nothing_to_be_collected() -> None:
    """Their types are for the type checker: the modules behind them take as long as the rest of a collection."""
    for path in sorted((Path(__file__).parents[2] / "suites").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            assert not (isinstance(node, ast.ImportFrom) and below(node.module or "", "pytest_euicc")), path


def test_what_tests_share_is_in_their_support() -> None:
    """A test that imports another runs its fixtures and its collection as well, and moves with it."""
    folder = Path(__file__).parents[1]
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [name]
            assert not [name for name in names if below(name, "tests") and not below(name, "tests.support")], path


@pytest.mark.parametrize(("module", "limit"), [("plugin", 170), ("cli", 120)])
def test_what_pytest_and_the_shell_load_first_only_hands_on(module: str, limit: int) -> None:
    assert len((PACKAGE / f"{module}.py").read_text(encoding="utf-8").splitlines()) <= limit
