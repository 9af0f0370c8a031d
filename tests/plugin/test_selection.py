"""Which sequences a run has, by what its options name."""

from __future__ import annotations

import pytest

from tests.support.plugin_runs import run

SUITES = ("card", "es9plus", "lpad")
NAMES = {"card": "[TC_eUICC_ATR", "es9plus": "[TC_SM-DP+", "lpad": "[TC_LPAd"}
CARD, SERVER, LPA = ("--euicc", "pcsc"), ("--smdp", "https://localhost:1"), ("--lpa", "lpac")


def collected(pytester: pytest.Pytester, chosen: tuple[str, ...], *options: str) -> tuple[str, ...]:
    """The suites that are left of those that were chosen."""
    done = run(pytester, " ".join(chosen), "--collect-only", "-q", *options)
    return tuple(name for name in SUITES if NAMES[name] in done.stdout.str())


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ((), SUITES),
        (("--euicc", "sim:v22-nist"), SUITES),
        (CARD, ("card",)),
        (SERVER, ("es9plus",)),
        (LPA, ("lpad",)),
        ((*CARD, *SERVER), ("card", "es9plus")),
        ((*CARD, *SERVER, *LPA), SUITES),
    ],
)
def test_what_is_simulated_is_left_out_where_something_is_named(
    pytester: pytest.Pytester, options: tuple[str, ...], left: tuple[str, ...]
) -> None:
    assert collected(pytester, SUITES, *options) == left


def test_a_server_may_be_named_by_its_declaration(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", mine="iut: smdp\nversion: 2.6\naddresses: { nist: 'https://localhost:1' }\n")
    assert collected(pytester, SUITES, "--smdp-declaration", "mine.yaml") == ("es9plus",)


def test_what_alone_was_chosen_is_kept(pytester: pytest.Pytester) -> None:
    assert collected(pytester, ("es9plus", "lpad"), *CARD) == ("es9plus", "lpad")
    assert collected(pytester, SUITES, *CARD, "-k", "TC_SM") == ("es9plus",)


def test_tests_in_python_are_kept(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_of_the_user(): pass")
    done = pytester.runpytest_inprocess("test_tests_in_python_are_kept.py", "--collect-only", "-q", *CARD)
    done.stdout.fnmatch_lines(["*::test_of_the_user"])
