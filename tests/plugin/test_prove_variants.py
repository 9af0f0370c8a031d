"""Sequences against permitted variants: a sequence that fails for one is reported, and how to repeat it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import cli
from pytest_euicc.prove import permitted
from pytest_euicc.prove.command import VARIANTS
from pytest_euicc.simulator.variant import Variant, compatible, registry

VECTORS = """
case: TC_Mini
title: Mini
iut: euicc
interface: ES10b
clauses: {sgp22: ["5.7.7"]}
origin: own
sequences:
  - id: "01"
    title: Challenges of 16 octets differ
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge: { repeat: 2, distinct: [euiccChallenge], expect: { euiccChallenge: { octets: 16 } } }
  - id: "02"
    title: The card has numbers one after the other, which nothing demands
    given: [isdr_selected, { notification: { event: enable, as: n } }, { notification: { event: enable, as: m } }]
    steps:
      - es10b.list_notification:
          expect: { notificationMetadataList: { contains: { seqNumber: 1 } } }
"""


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    path = tmp_path / "mini.yaml"
    path.write_text(VECTORS)
    return path


def prove(mini: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    out = mini.parent / "out"
    given = ["--side", "euicc", "--jobs", "1", "--vectors", str(mini), "--out", str(out), "--combinations", "5"]
    status = cli.main(["prove", *given, *arguments])
    (proof,) = json.loads((out / "prove.json").read_text())["sides"]
    return status, proof


def test_what_a_sequence_demands_without_a_clause_is_found(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, side = prove(mini, "-k", "mini_")
    assert status == 1
    wrong = {entry["name"]: list(entry["wrong"]) for entry in side["permitted"]["variants"] if entry["wrong"]}
    assert wrong["numbers-with-large-gaps"] == ["TC_Mini_02"]
    assert "TC_Mini_01" not in {name for names in wrong.values() for name in names}
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "--variants numbers-with-large-gaps " in line)
    _, side = prove(mini, *shlex.split(line.partition("pytest-euicc prove ")[2]))
    assert [entry["verdict"] for entry in side["permitted"]["wrong_combinations"]] == []
    assert list(side["permitted"]["variants"][0]["wrong"]) == ["TC_Mini_02"]


def test_a_sequence_that_is_right_holds(mini: Path) -> None:
    status, side = prove(mini, "-k", "mini_01")
    assert status == 0
    assert side["permitted"]["runs"] > 30
    assert side["permitted"]["combination_runs"] > 0


def test_enough_finds_the_same_variants_in_groups(mini: Path) -> None:
    sides = []
    for extent in ([], ["--enough"]):
        # Without combinations: every variant alone, or in its group.
        status, side = prove(mini, "-k", "mini_", "--combinations", "0", *extent)
        assert status == 1
        sides.append(side["permitted"])
    wrong = [{each["name"]: each["wrong"] for each in side["variants"]} for side in sides]
    assert wrong[0] == wrong[1]
    assert any(wrong[0].values())
    whole, enough = sides
    assert enough["runs"] + enough["combination_runs"] < whole["runs"] / 2


def test_variants_that_no_run_reaches_are_listed(mini: Path) -> None:
    status, side = prove(mini)
    assert status == 1
    assert "command-after-refresh" in side["permitted"]["unreached"]
    assert "numbers-with-gaps" not in side["permitted"]["unreached"]


def test_a_chosen_combination_runs_on_every_declared_implementation(mini: Path) -> None:
    names = "eid-outside-89, other-protocol"
    status, side = prove(mini, "--variants", names, "-k", "mini_01")
    assert (status, side["mutants"]) == (0, [])
    assert side["permitted"]["combination_runs"] >= 5
    _, side = prove(mini, "--variants", names, "--target", "v22-nist", "-k", "mini_01")
    assert side["permitted"]["combination_runs"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variants", "no-such"], "--variants: no variant 'no-such'; `pytest-euicc variants` lists"),
        (["--variants", "four-channels,eight-channels"], "exclude each other"),
        (["--target", "nowhere"], "--target: no declared implementation 'nowhere'; available: simulated, "),
    ],
)
def test_wrong_use(mini: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert cli.main(["prove", "--side", "euicc", "--vectors", str(mini), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_unknown_variant_is_one_mistake_for_all_sides(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prove", "--vectors", str(mini), "--variants", "no-such"]) == 2
    assert capsys.readouterr().err.count("no variant 'no-such'") == 1


def test_combinations_are_compatible_many_and_the_same_again() -> None:
    for variants in VARIANTS.values():
        made = permitted.combinations(variants, permitted.COMBINATIONS, permitted.SEED)
        assert made == permitted.combinations(variants, permitted.COMBINATIONS, permitted.SEED)
        assert len(made) >= 200
        assert all(compatible(frozenset(names), variants) for names in made)
        assert all(any(name in names for names in made) for name in variants)
    assert made != permitted.combinations(variants, permitted.COMBINATIONS, "another")


def test_no_variant_is_left_out_by_chance() -> None:
    few = permitted.combinations(VARIANTS["euicc"], 60, permitted.SEED)
    assert {name for names in few for name in names} == set(VARIANTS["euicc"])
    assert all(compatible(frozenset(names), VARIANTS["euicc"]) for names in few)


def test_every_variant_says_what_allows_it() -> None:
    for variants in VARIANTS.values():
        for name, variant in variants.items():
            assert name == variant.name
            assert not variant.sentence.endswith(".")
            assert variant.clause


def test_a_registry_without_mistakes() -> None:
    with pytest.raises(ValueError, match="one name"):
        registry(Variant("a", "A", "1"), Variant("a", "A", "1"))
    with pytest.raises(ValueError, match="which is no variant"):
        registry(Variant("a", "A", "1", frozenset({"b"})))
