"""The process that others are forked from: it has loaded what each would load, and no garbage is looked for in that."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import socket
import sys
from contextlib import suppress

from _pytest.config import default_plugins

import pytest_euicc
from pytest_euicc import resources
from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import FileMistakes
from pytest_euicc.rsp.pki import default_pki
from tests.support.fork_server import serve


def main() -> None:
    """Load it, and serve until who has started this has ended."""
    gc.disable()
    for name in (
        *(f"_pytest.{name}" for name in default_plugins),
        *("allure_pytest.plugin", "allure_pytest.listener", "hypothesis.strategies", "jinja2", "jsonschema"),
        *("xdist.dsession", "xdist.looponfail", "xdist.newhooks", "xdist.remote", "xdist.workermanage"),
        *(module.name for module in pkgutil.walk_packages(pytest_euicc.__path__, f"{pytest_euicc.__name__}.")),
        *("tests.support.forked", "tests.support.forked_workers"),
    ):
        importlib.import_module(name)
    library.load()
    default_pki()
    for name in codec.type_names():
        codec.fields(name)
    # In a fresh clone they are read anew and kept; what was kept is what every run looks for.
    with suppress(FileMistakes):  # the tests report a mistake
        for _ in range(2):
            loader.load([resources.vectors()])
    gc.freeze()
    gc.enable()
    alive = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    serve(socket.socket(fileno=int(sys.argv[1])), alive)
