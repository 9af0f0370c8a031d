"""Published profile packages: a sequence for each, what is read of them, what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.reading import loader
from pytest_euicc.files import PUBLISHED_FOLDER
from pytest_euicc.iut.inputs import load_cases
from pytest_euicc.options import Options
from pytest_euicc.peers.smdp import published
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.iccid import swapped

ICCID = bytes.fromhex("98001032547698103254")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(PUBLISHED_FOLDER, str(tmp_path))
    return tmp_path


def identifiers() -> list[str]:
    (case,) = (case for case in load_cases(Options()) if case.case == "TC_eUICC_PublishedProfiles")
    return [sequence.id for sequence in case.sequences]


def test_without_packages_the_sequences_are_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUBLISHED_FOLDER, raising=False)
    assert identifiers() == ["01", "02", "03", "04"]


def test_each_package_is_a_sequence_of_its_own(folder: Path) -> None:
    for name in ("one", "two (draft)"):
        (folder / f"{name}.der").write_bytes(profile_package.build(ICCID))
    (folder / "README.md").write_text("not a package")
    assert identifiers() == [f"0{n}-{name}" for n in range(1, 5) for name in ("one", "two__draft_")]


def test_other_sequences_stay_as_they_are(folder: Path) -> None:
    (folder / "one.der").write_bytes(profile_package.build(ICCID))
    written = {case.case: case for case in loader.load([resources.vectors()])}
    for case in load_cases(Options()):
        if case.case != "TC_eUICC_PublishedProfiles":
            assert case == written[case.case]


def test_what_is_read_of_a_package(tmp_path: Path) -> None:
    file = tmp_path / "one.der"
    file.write_bytes(profile_package.build(ICCID, imsi="001010123456789"))
    package = published.read(file)
    assert package.iccid == ICCID
    assert package.imsi == profile_package.encode_imsi("001010123456789")
    assert "usimSupport" in package.capabilities


@pytest.mark.parametrize("octets", [b"", b"not DER", profile_package.build(ICCID)[:-4], b"\xaa\x00"])
def test_what_is_no_package_is_one_message(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "broken.der"
    file.write_bytes(octets)
    with pytest.raises(published.PublishedPackageError, match=r"the published profile package .*broken\.der"):
        published.read(file)


def test_a_package_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(published.PublishedPackageError, match=r"gone\.der cannot be read: .*No such file"):
        published.read(tmp_path / "gone.der")


def test_published_packages() -> None:
    for path in published.files():
        package = published.read(path)
        assert swapped(package.iccid).hex().startswith("89")
        assert len(package.imsi) == 9
