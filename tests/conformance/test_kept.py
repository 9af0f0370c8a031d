"""Vectors kept in the user's cache: what is kept is what would be read, and never what others may have written."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from pytest_euicc.conformance.reading import kept, loader
from pytest_euicc.document import Document, FileMistakes
from tests.support.mini_card import HEAD

GOOD = HEAD + "    given: [isdr_selected]\n    steps: [es10b.get_euicc_challenge]\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cache files, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Tests register words of their own, with which nothing is kept.
    monkeypatch.setattr(kept, "_stamp", lambda: "these words")
    return tmp_path / "cache" / "pytest-euicc"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two vectors."""
    made = tmp_path / "vectors"
    made.mkdir()
    (made / "a.yaml").write_text(GOOD)
    (made / "b.yaml").write_text(GOOD.replace("TC_Mini", "TC_Other"))
    return made


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(document: Document) -> NoReturn:
        pytest.fail(f"{document.file} is read again")

    monkeypatch.setattr(loader, "parse", parse)


def test_what_is_kept_is_what_was_read(cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.interfaces([folder]) is None
    first = loader.load([folder])
    assert len(list(cache.glob("vectors-*"))) == 1
    no_reading(monkeypatch)
    second = loader.load([folder])
    assert second == first
    assert all(one is other for one, other in zip(second, loader.load([folder]), strict=True))
    assert [case.file for case in second] == [str(folder / "a.yaml"), str(folder / "b.yaml")]
    assert [one.line for case in second for one in case.sequences] == [
        one.line for case in first for one in case.sequences
    ]
    assert kept.interfaces([folder]) == {
        case.sequence_id(one): case.interface for case in first for one in case.sequences
    }


def test_a_file_that_changed_is_read_again(cache: Path, folder: Path) -> None:
    loader.load([folder])
    (folder / "b.yaml").write_text(GOOD.replace("TC_Mini", "TC_Changed"))
    assert kept.interfaces([folder]) is None
    assert [case.case for case in loader.load([folder])] == ["TC_Mini", "TC_Changed"]
    (folder / "b.yaml").write_text("case: 5\n")
    with pytest.raises(FileMistakes, match=r"b\.yaml"):
        loader.load([folder])
    # A file with mistakes is not kept.
    with pytest.raises(FileMistakes, match=r"b\.yaml"):
        loader.load([folder])
    assert cache.is_dir()


def test_a_case_of_two_files_is_found_though_both_are_kept(cache: Path, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "more"
    other.mkdir()
    (other / "c.yaml").write_text(GOOD)
    assert loader.load([folder])
    assert loader.load([other])
    assert len(list(cache.glob("vectors-*"))) == 2
    assert kept.interfaces([folder, other]) is None
    with pytest.raises(FileMistakes, match=r"c.yaml:\d+:\d+: case 'TC_Mini' is in .*a.yaml already"):
        loader.load([folder, other])


def test_other_words_make_it_void(cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.load([folder])
    monkeypatch.setattr(kept, "_stamp", lambda: "other words")
    assert kept.interfaces([folder]) is None
    assert len(loader.load([folder])) == 2
    assert kept.interfaces([folder]) is not None
    assert len(list(cache.glob("vectors-*"))) == 1


@pytest.mark.parametrize("damage", ["cut", "others may write"])
def test_what_is_not_genuine_is_not_used(cache: Path, folder: Path, damage: str) -> None:
    loader.load([folder])
    (file,) = cache.glob("vectors-*")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        file.chmod(0o666)
    assert kept.interfaces([folder]) is None
    assert len(loader.load([folder])) == 2
    assert kept.interfaces([folder]) is not None


def test_words_that_are_not_installed_keep_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "_packages", lambda: {"pytest_euicc": "its sources"})
    loader.load([folder])
    monkeypatch.setattr(kept, "_packages", lambda: {"somebody": "else"})
    loader.load([folder])
    assert kept.interfaces([folder]) is None


def test_the_stamp_follows_the_sources_of_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_REGISTRY", "none")
    assert "pytest_euicc" in kept._stamp()
    monkeypatch.setattr(kept, "_packages", lambda: {"pytest_euicc": "as it was", "gone": ""})
    assert kept._stamp() == ""


def test_old_files_go(cache: Path, folder: Path) -> None:
    cache.mkdir(parents=True, mode=0o700)
    for number in range(40):
        (cache / f"vectors-{number}.cache").write_bytes(b"old")
    (cache / "asn1-1.cache").write_bytes(b"of another kind")
    loader.load([folder])
    assert len(list(cache.glob("vectors-*"))) == kept._MOST_FILES
    assert kept.interfaces([folder]) is not None
    assert (cache / "asn1-1.cache").exists()
