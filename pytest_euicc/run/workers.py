"""With pytest-xdist: what workers are given, how many there are, and which tests they get. A plugin of pytest."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from pytest_euicc import options
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.run import cards
from pytest_euicc.run.state import RUN
from pytest_euicc.run.terminal import Teller
from pytest_euicc.text import encodable

_SUITE = "::test_sequence["
"""What the tests of suites are called."""


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """the seed, and a folder in which workers record the profiles that they use."""
    run = node.config.stash[RUN]
    spec = node.gateway.spec
    node.workerinput |= {
        "euicc_seed": run.inputs.seed,
        "euicc_claims": str(run.inputs.claims),
        "euicc_host": cards.host_of(spec),
        # Its folder of reports is not the one of this process.
        "euicc_away": not spec.popen or bool(spec.chdir),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Any) -> None:
    """as many workers as there are cards for; arguments that can be handed to them."""
    given = config.invocation_params
    for argument in map(str, (*given.args, given.dir, config.rootpath, tempfile.gettempdir())):
        if encodable(argument) != argument:
            raise pytest.UsageError(
                f"{encodable(argument)}: not UTF-8, and pytest-xdist hands its workers nothing else; "
                "name it otherwise, or run without -n"
            )
    run = config.stash[RUN]
    try:
        if options.given(config) and run.inputs.pool is not None:
            cards.check_workers(run.inputs.pool, specs)
    except PytestEuiccError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> Any:
    """With several products: a worker gets the tests of the product of its card."""
    run = config.stash[RUN]
    if not (options.given(config) and run.inputs.pool is not None and run.inputs.pool.names):
        return None
    from xdist.workermanage import parse_tx_spec_config

    from pytest_euicc.run.scheduling import ProductScheduling

    return ProductScheduling(run.inputs.pool, len(parse_tx_spec_config(config)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """``-n auto`` is as many workers as there are cards on this machine."""
    file = options.pool_file(config)
    try:
        return cards.load(file).cards_on("") if file is not None else None
    except PytestEuiccError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """the controller learns from its workers which tests there are."""
    for line in node.config.stash[RUN].collected([nodeid for nodeid in ids if _SUITE in nodeid]):
        Teller(node.config).say(line)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001
    """card and SM-DP+ are those of the first worker that opened them."""
    node.config.stash[RUN].opened(getattr(node, "workeroutput", {}).get("euicc_description", {}))
