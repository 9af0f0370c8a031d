"""Loaded last by the process that runs of pytest are forked from: what each would load, and no garbage to look for."""

from __future__ import annotations

import gc
import importlib

from _pytest.config import default_plugins

from pytest_euicc import resources
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.reading import loader
from pytest_euicc.rsp.pki import default_pki

for _name in (*(f"_pytest.{name}" for name in default_plugins), "jinja2", "xdist.looponfail", "xdist.newhooks"):
    importlib.import_module(_name)
library.load()
default_pki()
loader.load([resources.vectors()])
gc.collect()
gc.freeze()
