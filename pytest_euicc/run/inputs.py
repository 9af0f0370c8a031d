"""What the user gave a run of pytest: options, declarations, vectors, read when they are first asked for."""

from __future__ import annotations

import os
import secrets
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_euicc import extras, options
from pytest_euicc.errors import OptionError
from pytest_euicc.options import Options
from pytest_euicc.resources import SUITES
from pytest_euicc.run import cards
from pytest_euicc.run.resumed import ResumedRun
from pytest_euicc.run.terminal import Teller

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.vector import Case, Sequence
    from pytest_euicc.harness import Harness
    from pytest_euicc.lab.pool import Pool


class Inputs:
    """Of one process of a run; every property raises OptionError with all mistakes in what it reads."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._checked = False

    @cached_property
    def worker(self) -> dict[str, Any]:
        """What the controller of pytest-xdist passes to this worker; empty without workers."""
        return getattr(self._config, "workerinput", {})

    @property
    def in_worker(self) -> bool:
        """Whether another process writes the reports."""
        return hasattr(self._config, "workerinput")

    @cached_property
    def pool(self) -> Pool | None:
        """The cards of the run, where there are several; raises OptionError."""
        return None if self._read.pool is None else cards.load(self._read.pool)

    @cached_property
    def options(self) -> Options:
        """The options; with several products, those of the first one. Raises OptionError."""
        if self.pool is None:
            return self._read
        cards.check(self._read)
        return cards.options_of(self._read, self.pool.products[0])

    @property
    def products(self) -> list[Options]:
        """The options of every product; raises OptionError."""
        if self.pool is None:
            return [self.options]
        return [cards.options_of(self._read, product) for product in self.pool.products]

    def open_card(self, product: str) -> Harness:
        """The card of the run, or a free one of a product; raises PytestEuiccError."""
        if self.pool is not None:
            return cards.lease(self._read, self.pool, product, self.worker.get("euicc_host", ""))
        from pytest_euicc.harness import open_harness

        return open_harness(self.options)

    @cached_property
    def _read(self) -> Options:
        config, claims = self._config, str(self.worker.get("euicc_claims", ""))
        if self.worker.get("euicc_away"):
            # The workers on this machine share it among themselves.
            Path(claims).mkdir(mode=0o700, parents=True, exist_ok=True)
        return options.read(
            config,
            seed=self.seed,
            worker=self.worker.get("workerid", ""),
            provision=lambda wish: config.hook.pytest_euicc_provision_profile(config=config, wish=wish),
            ask=lambda request: config.hook.pytest_euicc_operator(config=config, request=request),
            claims=Path(claims) if claims else None,
            tell=Teller(config).show,
        )

    @cached_property
    def cases(self) -> list[Case]:
        """All vectors; raises OptionError with every mistake in them or in a declaration."""
        declaration = self.declarations[""]["smdp"]
        if self.options.smdp:
            from pytest_euicc.iut.smdp.opening import smdp_server

            smdp_server(self.options, declaration)
        return self._vectors

    @cached_property
    def _vectors(self) -> list[Case]:
        from pytest_euicc.iut.inputs import load_cases

        return load_cases(self.options)

    @cached_property
    def sequences(self) -> dict[str, tuple[Case, Sequence]]:
        """All sequences by their names, with their cases; raises OptionError as `cases` does."""
        return {case.sequence_id(entry): (case, entry) for case in self.cases for entry in case.sequences}

    @cached_property
    def declarations(self) -> dict[str, dict[str, Declaration]]:
        """What is declared, by product (empty: the only one) and ``iut``; raises OptionError."""
        from pytest_euicc.iut.inputs import load_declarations

        names = (self.pool.names if self.pool is not None else []) or [""]
        declared = {name: load_declarations(product) for name, product in zip(names, self.products, strict=True)}
        return {"": declared[names[0]], **declared}

    @cached_property
    def named(self) -> frozenset[str]:
        """Implementations (``iut``) that are neither simulated nor the built-in LPA; raises OptionError."""
        from pytest_euicc.iut.smdp.opening import smdp_server

        given = {
            "euicc": self.pool is not None or self.options.kind != options.SIMULATED,
            "smdp": smdp_server(self.options, self.declarations[""]["smdp"]) is not None,
            "lpa": self.options.lpa != options.OWN,
        }
        return frozenset(iut for iut, is_named in given.items() if is_named)

    @cached_property
    def interfaces(self) -> dict[str, str]:
        """The interface of each sequence by its name; raises OptionError as `cases` does."""
        from pytest_euicc.iut.inputs import kept_names

        known = kept_names(self.options)
        if known is not None:
            return known
        return {case.sequence_id(entry): case.interface for case in self._vectors for entry in case.sequences}

    @cached_property
    def server_missing(self) -> str:
        """Why there is no SM-DP+ for sequences that need one; empty where there is one. Raises OptionError."""
        if extras.has("smdp"):
            return ""
        from pytest_euicc.iut.smdp.opening import smdp_server

        if smdp_server(self.options, self.declarations[""]["smdp"]) is not None:
            return ""
        return f"no SM-DP+ is named (--smdp), and the simulated one is not installed: {extras.command('smdp')}"

    def of_suite(self, interface: str | None) -> list[str]:
        """Names of the sequences of an interface; None: of all interfaces without a suite."""
        return [
            name
            for name, its in self.interfaces.items()
            if (its not in SUITES if interface is None else its == interface)
        ]

    def check(self) -> None:
        """Read everything the user named, once; raises OptionError."""
        if self._checked:
            return
        from pytest_euicc.iut import option_checks

        given = self.options
        for product in self.products:
            option_checks.check(product, workers=self._config.getoption("dist", "no") != "no")
        _ = self.interfaces
        if given.operator == "terminal":
            self._check_terminal()
        if self.resumed is not None and not self.in_worker:
            self.resumed.check(self.heading(), self._read.report)
        self._checked = True

    def heading(self) -> dict[str, Any]:
        """What is known of the run when it begins."""
        from pytest_euicc.run.heading import heading

        return heading(self.options, self.cases, self.seed, self.products)

    @cached_property
    def resumed(self) -> ResumedRun | None:
        """The run that this one goes on with; raises OptionError."""
        folder = options.resume_folder(self._config)
        return None if folder is None else ResumedRun(folder)

    def done(self, name: str, product: str) -> dict[str, Any] | None:
        """The line of the summary of a sequence that the run which is gone on with has judged; else None."""
        return self.resumed.result(f"{name}@{product}" if product else name) if self.resumed is not None else None

    def _check_terminal(self) -> None:
        from pytest_euicc.lab.operators import open_terminal

        distributed = self.in_worker or self._config.getoption("dist", "no") != "no"
        if distributed:
            raise OptionError(
                "--euicc-operator terminal: workers of pytest-xdist have no terminal and would all ask at once. "
                "Run without -n, or use --euicc-operator hook"
            )
        os.close(open_terminal())

    @cached_property
    def claims(self) -> Path:
        """A folder that the workers of the run share."""
        folder = tempfile.TemporaryDirectory(prefix="pytest-euicc-")
        self._config.add_cleanup(folder.cleanup)
        return Path(folder.name)

    @cached_property
    def seed(self) -> str:
        """The seed if none is given: one for both sides and all workers, named in the reports."""
        if self.worker:
            return str(self.worker["euicc_seed"])
        return self.resumed.record.seed if self.resumed is not None else secrets.token_hex(8)
