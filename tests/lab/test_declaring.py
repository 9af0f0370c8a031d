"""The declaration that is written from a card."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc import cli, resources
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.runner import not_applicable
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import FileMistakes
from pytest_euicc.lab.declaring import QUESTION
from pytest_euicc.lab.templates import names
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from tests.support.plugin_runs import run

CARDS = {card.name: card for card in resources.simulated_cards()}


def answered(text: str, shipped: Declaration) -> str:
    """The text with its questions answered as the other declaration has it."""
    lines = []
    for line in text.splitlines():
        key = line.removeprefix(QUESTION).strip().partition(":")[0]
        if line.startswith(QUESTION) and shipped.options.get(key):
            lines.append(line.removeprefix(QUESTION).replace(": false", ": true"))
        elif line.startswith(QUESTION) and key in shipped.settings:
            lines.append(line.removeprefix(QUESTION).replace(": 0", f": {shipped.settings[key]}"))
        elif line.startswith(f"{QUESTION}test_cards"):
            lines.append(line.removeprefix(QUESTION))
        else:
            lines.append(line)
    return "\n".join(lines)


def reasons(declaration: Declaration) -> dict[str, bool]:
    session = Session(declaration=declaration)
    return {
        case.sequence_id(sequence): not_applicable(case, sequence, session) is None
        for case in loader.load([resources.vectors()])
        if case.iut == "euicc"
        for sequence in case.sequences
    }


@pytest.mark.parametrize("name", ["simulated", "v22-nist", "v26-integrated"])
def test_with_its_questions_answered_the_same_sequences_apply(name: str, tmp_path: Path) -> None:
    card, path = CARDS[name], tmp_path / "card.yaml"
    assert cli.main(["declare", "--euicc", card.euicc, "--out", str(path)]) == 0
    assert cli.main(["lint", str(path)]) == 0
    text = path.read_text()
    assert max(map(len, text.splitlines())) <= 120
    unanswered, shipped = Declaration.load(path), Declaration.load(card.declaration)
    assert unanswered.test_cards == unanswered.restore == []
    path.write_text(answered(text, shipped))
    written = Declaration.load(path)
    assert written.options == {**dict.fromkeys(written.options, False), **shipped.options}
    for key in ("version", "svn", "eid", "ci_verification", "ci_signing", "rat", "test_cards", "root_sds_address",
                "pp_version", "profile_version", "firmware_version", "forbidden_ppr"):  # fmt: skip
        assert getattr(written, key) == getattr(shipped, key), key
    assert reasons(written) == reasons(shipped)
    # The smallest card has nothing to answer yes to.
    assert (reasons(unanswered) == reasons(shipped)) is (name == "v22-nist")


def test_an_iot_euicc_has_more_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["declare", "--euicc", CARDS["iot"].euicc]) == 0
    out = capsys.readouterr().out
    assert "  O_E_IOT_FALLBACK: true  # iotSpecificInfo fallbackSupported" in out
    assert f"{QUESTION}  package_size: 0" in out
    assert '  sgp32_version: "010200"' in out
    assert "O_P_" not in out, "nothing is asked that only an SM-DP+ knows"
    assert "O_D_" not in out, "nothing is asked that only an LPA knows"


def test_texts_of_the_card_stay_where_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        'root_sds: "a\\nrestore: [00]\\u2028: # x"\n'
        'profiles: [{iccid: "98001032547698103254", name: "one\\nrestore: [80FC000000]\\n\\u2028x"}]\n'
    )
    assert EuiccSettings.load(settings)
    path = tmp_path / "card.yaml"
    assert cli.main(["declare", "--euicc", f"sim:{settings}", "--out", str(path)]) == 0
    written = Declaration.load(path)
    assert written.restore == []
    assert written.root_sds_address == "a\nrestore: [00]\u2028: # x"


@pytest.mark.parametrize(("verified", "signed", "curve"), [("nist", "brainpool, nist", "nist"),
                                                           ("brainpool", "nist, brainpool", "brainpool")])  # fmt: skip
def test_a_curve_is_one_that_the_card_also_verifies(verified: str, signed: str, curve: str, tmp_path: Path) -> None:
    settings, path = tmp_path / "settings.yaml", tmp_path / "card.yaml"
    settings.write_text(f"verification: [{verified}]\nsigning: [{signed}]\n")
    assert cli.main(["declare", "--euicc", f"sim:{settings}", "--out", str(path)]) == 0
    written = Declaration.load(path)
    assert written.options["O_E_NIST"] is (curve == "nist")
    assert written.options["O_E_BRP"] is (curve == "brainpool")
    assert written.curve == curve


def test_a_file_that_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "card.yaml"
    path.write_text("mine")
    assert cli.main(["declare", "--out", str(path)]) == cli.WRONG_USE
    assert path.read_text() == "mine"
    assert "this file already exists" in capsys.readouterr().err


def test_questions_within_a_list_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["declare", "--template", "lpac", "--out", str(tmp_path / "lpac.yaml")]) == 0
    assert "lpac.yaml: 2 questions are left" in capsys.readouterr().err


def test_every_driver_of_an_lpa_has_a_declaration_to_start_from() -> None:
    drivers = [file.stem for file in (resources.declarations() / "drivers").glob("*.yaml")]
    assert drivers
    # Two drivers of one LPA share one.
    assert {stem.removesuffix("-pcsc") for stem in drivers} <= names().keys()


def test_a_template_loads_and_an_unknown_one_names_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.yaml"
    assert cli.main(["declare", "--template", "v2.6", "--out", str(path)]) == 0
    assert Declaration.load(path).version == "2.6.0"
    assert cli.main(["declare", "--template", "v2.9"]) == cli.WRONG_USE
    assert "no template 'v2.9'; did you mean 'v2." in capsys.readouterr().err
    assert cli.main(["declare", "--template", "nope"]) == cli.WRONG_USE
    assert capsys.readouterr().err.count("pysim-shell") == 1


@pytest.mark.parametrize(
    ("text", "reported"),
    [("name: card\n", "1:1: key 'version' is missing; write the version of SGP.22 that it follows, 2.2 to 2.7"),
     ("name: card\nversion: 3.0.0\n", "2:10: version 3.0.0 is not known to this release; write the version"),
     ("version: 2.1\n", "version 2.1 is not known")],
)  # fmt: skip
def test_a_version_that_is_missing_or_unknown(
    text: str, reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(FileMistakes) as caught:
        Declaration.load(path)
    assert len(caught.value.mistakes) == 1
    assert reported in str(caught.value)
    assert cli.main(["lint", str(path)]) == 1
    assert reported in capsys.readouterr().out


def test_it_serves_a_run(pytester: pytest.Pytester) -> None:
    path = pytester.path / "card.yaml"
    assert cli.main(["declare", "--out", str(path)]) == 0
    result = run(pytester, "es10c", "-k", "GetEID", "--euicc-declaration", path)
    assert result.ret == 0
    assert "contradicts" not in result.stdout.str()
