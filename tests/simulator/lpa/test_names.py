"""Every named defect and variant of our own LPA is one that its code asks for, and the code asks for no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest_euicc.simulator.lpa
from pytest_euicc.simulator.lpa.defects import DEFECTS
from pytest_euicc.simulator.lpa.variants import VARIANTS

FOLDER = Path(pytest_euicc.simulator.lpa.__file__).parent


def asked(pattern: str) -> set[str]:
    files = [path for path in FOLDER.glob("*.py") if path.name != "__init__.py"]
    return {name for path in files for name in re.findall(pattern, path.read_text(encoding="utf-8"))}


def test_defects_and_variants_are_those_of_the_code() -> None:
    quoted = asked(r'"([a-z0-9.]+(?:-[a-z0-9.]+)+)"')
    assert DEFECTS.keys() - quoted == set()
    assert VARIANTS.keys() - quoted == set()
    assert asked(r'defective\("([^"]+)"') - DEFECTS.keys() == set()
    assert asked(r'varies\("([^"]+)"') - VARIANTS.keys() == set()
    assert not DEFECTS.keys() & VARIANTS.keys()


def test_there_are_enough_of_both() -> None:
    assert len(DEFECTS) >= 60
    assert len(VARIANTS) >= 25
