"""Scripts of commands and their answers, in both formats of ETSI TS 102 226."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_euicc.ota import scripts
from pytest_euicc.ota.scripts import BadFormat, Results, ScriptFault

SELECT, STATUS = bytes.fromhex("00A40004023F00"), bytes.fromhex("80F2000000")


def test_compact() -> None:
    octets = scripts.script([SELECT, STATUS], expanded=False)
    assert octets == SELECT + STATUS
    assert scripts.read_script(octets) == [SELECT, STATUS]
    assert scripts.read_script(SELECT + SELECT + b"\x00") == [SELECT, SELECT + b"\x00"]


def test_expanded() -> None:
    octets = scripts.script([SELECT, STATUS], expanded=True)
    assert octets.hex().upper() == "AA10 2207 00A40004023F00 2205 80F2000000".replace(" ", "")
    assert scripts.is_expanded(octets)
    assert scripts.read_script(octets) == [SELECT, STATUS]


def test_answers() -> None:
    found = Results(2, 0x9000, b"\xaa")
    compact, expanded = (scripts.results(found, expanded=each) for each in (False, True))
    assert (compact.hex().upper(), expanded.hex().upper()) == ("029000AA", "AB088001022303AA9000")
    assert scripts.read_results(compact, expanded=False) == found
    assert scripts.read_results(expanded, expanded=True) == found


def test_the_answer_of_a_published_receipt() -> None:
    """One command, 6132: pySim, tests/unittests/test_ota.py."""
    assert scripts.read_results(bytes.fromhex("016132"), expanded=False) == Results(1, 0x6132)


def test_of_several_results_the_last_counts() -> None:
    octets = bytes.fromhex("AB0B 800102 23029000 23026A80".replace(" ", ""))
    assert scripts.read_results(octets, expanded=True) == Results(2, 0x6A80)


def test_bad_format() -> None:
    refused = Results(0, bad_format=BadFormat.UNKNOWN_TAG)
    octets = scripts.results(refused, expanded=True)
    assert octets.hex().upper() == "AB06800100900101"
    assert scripts.read_results(octets, expanded=True) == refused


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("AA", BadFormat.WRONG_LENGTH),
        ("AA0322FF00", BadFormat.WRONG_LENGTH),
        ("AA03210100", BadFormat.UNKNOWN_TAG),
        ("00A40004", BadFormat.WRONG_LENGTH),
        ("00A40004023F", BadFormat.WRONG_LENGTH),
    ],
)
def test_what_is_no_script(octets: str, reason: BadFormat) -> None:
    with pytest.raises(ScriptFault) as caught:
        scripts.read_script(bytes.fromhex(octets))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("octets", "expanded", "words"),
    [
        ("0190", False, "compact format"),
        ("AB03800101", True, "no status word"),
        ("AB0423029000", True, "number of commands"),
        ("029000", True, "expanded format"),
        ("AA03800101", True, "response scripting template"),
    ],
)
def test_what_is_no_answer(octets: str, expanded: bool, words: str) -> None:
    with pytest.raises(ScriptFault, match=words):
        scripts.read_results(bytes.fromhex(octets), expanded=expanded)


@settings(max_examples=300, deadline=None)
@given(octets=st.binary(max_size=60), expanded=st.booleans())
def test_garbage_is_a_fault(octets: bytes, expanded: bool) -> None:
    for given_ in (octets, b"\xaa" + octets):
        try:
            commands = scripts.read_script(given_)
        except ScriptFault:
            continue
        assert sum(map(len, commands)) <= len(given_)
    with contextlib.suppress(ScriptFault):
        scripts.read_results(octets, expanded=expanded)
