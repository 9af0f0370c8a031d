"""The arrows of docs/architecture.md: which module may import which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pytest_euicc"

MAY_IMPORT = {
    "asn1": {"asn1"},
    "rsp": {"asn1", "rsp"},
    "ota": {"asn1", "ota"},
    "card": {"asn1", "card"},
    "es10": {"asn1", "card", "es10"},
    "es9": {"asn1", "rsp", "es9"},
    "lpa": {"asn1", "rsp", "card", "es10", "es9", "lpa"},
    # The SM-DP+ is a client of the operator's ES2+ face, so it shares TLS and the connection with es9.
    "simulator": {
        *("asn1", "rsp", "ota", "simulator", "card.apdu", "card.transport", "card.errors", "card.vpcd_protocol"),
        *("es9.connection", "es9.errors", "es9.tls"),
    },
    "conformance": {"asn1", "rsp", "ota", "card", "es10", "es9", "lpa", "conformance"},
    "reporting": {"asn1", "es9", "conformance", "reporting"},
}

WIRING = {"prove", "smdp_access"}
"""Know both the conformance layer and the simulators, as plugin, harness and command line do; no layer imports them."""


def imported(path: Path) -> set[str]:
    """Modules of this package that a file imports, below the package's name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_euicc"):
            module = (node.module or "").removeprefix("pytest_euicc").lstrip(".")
            names |= {f"{module}.{alias.name}".lstrip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name.removeprefix("pytest_euicc.") for a in node.names if a.name.startswith("pytest_euicc.")}
    return names


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_arrows(layer: str) -> None:
    files = sorted((PACKAGE / layer).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            allowed = any(name == entry or name.startswith(f"{entry}.") for entry in MAY_IMPORT[layer])
            assert allowed, (
                f"{path.relative_to(PACKAGE)} imports {name}; {layer} may import {sorted(MAY_IMPORT[layer])}"
            )


def test_every_layer_is_named() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(MAY_IMPORT) | WIRING
