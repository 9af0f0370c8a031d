"""The order of sequences on a card in a reader, which nothing but commands puts back."""

from __future__ import annotations

import pytest

from pytest_euicc.conformance.files.vector import Sequence
from pytest_euicc.lab.order import for_card, takes
from tests.support.plugin_runs import run


def sequence(given: list[object], *steps: str) -> Sequence:
    return Sequence.model_validate({"id": "1", "title": "T", "given": given, "steps": list(steps)})


READS = sequence(["isdr_selected"], "es10c.get_eid")
DELETES = sequence(["profile"], "es10c.delete_profile")
RESETS = sequence(["profile"], "es10c.euicc_memory_reset")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (READS, 0),
        (sequence(["profile"], "es10c.enable_profile"), 0),
        (sequence([{"notification": {"event": "enable"}}], "es10c.get_eid"), 0),
        # What it deletes it has installed before.
        (sequence([], "lpa.fill_memory", "es10c.delete_profile"), 0),
        (DELETES, 1),
        (sequence([{"notification": {"event": "delete"}}], "es10c.get_eid"), 1),
        (RESETS, 2),
        (sequence(["no_profiles"], "es10c.get_eid"), 2),
    ],
)
def test_what_is_gone_after_a_sequence(given: Sequence, expected: int) -> None:
    assert takes(given) == expected


def test_other_tests_keep_their_place() -> None:
    ordered = for_card(
        [RESETS, "a test", DELETES, READS, "another"], lambda each: each if isinstance(each, Sequence) else None
    )
    assert ordered == [READS, "a test", DELETES, RESETS, "another"]


def collected(pytester: pytest.Pytester, *options: str) -> list[str]:
    result = run(pytester, "es10c", "--collect-only", "-q", *options)
    return [line.partition("[")[2].rstrip("]") for line in result.outlines if "[TC_" in line]


def test_a_card_in_a_reader_loses_its_profiles_last(pytester: pytest.Pytester) -> None:
    written = collected(pytester)
    ordered = collected(pytester, "--euicc", "pcsc:0")
    assert sorted(ordered) == sorted(written) != ordered
    last = [name for name in ordered if "DeleteProfile" in name or "MemoryReset_02" in name]
    assert last[-1].endswith("eUICCMemoryReset_02")
    assert ordered.index("TC_eUICC_ES10c.SetNickname_01") < ordered.index("TC_eUICC_ES10c.DeleteProfile_01")
    assert written.index("TC_eUICC_ES10c.SetNickname_01") > written.index("TC_eUICC_ES10c.DeleteProfile_01")


def test_the_user_chooses_another_order(pytester: pytest.Pytester) -> None:
    assert collected(pytester, "--euicc", "pcsc:0", "--euicc-order", "vectors") == collected(pytester)
    result = run(pytester, "es10c", "--collect-only", "--euicc-order", "random")
    assert any("--euicc-order random: write card or vectors" in line for line in result.errlines)
