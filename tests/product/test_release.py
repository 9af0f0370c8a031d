"""What `make release` checks, and that its archives do not depend on where and when they are made."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from release import archives, checks

MOMENT = 1_800_000_000


def wheel(path: Path, names: list[str], when: tuple[int, int, int, int, int, int], mode: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, when)
            entry.external_attr = mode << 16
            archive.writestr(entry, name)
    return path


def test_wheels_are_alike(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    names = ["p/b.py", "p/a.py", "p-1.dist-info/RECORD", "p-1.dist-info/METADATA"]
    one = wheel(tmp_path / "p.whl", names, (2026, 1, 2, 3, 4, 6), 0o600)
    other = wheel(tmp_path / "a" / "p.whl", names[::-1], (1999, 1, 2, 3, 4, 6), 0o755)
    for path in (one, other):
        archives.settle(path, MOMENT)
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert archive.namelist() == ["p/a.py", "p/b.py", "p-1.dist-info/METADATA", "p-1.dist-info/RECORD"]
        assert archive.read("p/b.py") == b"p/b.py"
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def source(path: Path, names: list[str], mtime: int, mode: int, owner: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode, entry.uname, entry.uid = len(name), mtime, mode, owner, mtime % 7
            archive.addfile(entry, io.BytesIO(name.encode()))
    return path


def test_source_distributions_are_alike(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one = source(tmp_path / "p.tar.gz", ["p/a", "p/b"], 1, 0o600, "somebody")
    other = source(tmp_path / "a" / "p.tar.gz", ["p/b", "p/a"], 1_700_000_000, 0o664, "another")
    for path in (one, other):
        archives.settle(path, MOMENT)
    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as archive:
        assert [(entry.name, entry.mtime, entry.mode, entry.uname) for entry in archive.getmembers()] == [
            ("p/a", MOMENT, 0o644, ""),
            ("p/b", MOMENT, 0o644, ""),
        ]
        file = archive.extractfile("p/b")
        assert file is not None
        assert file.read() == b"p/b"


def test_no_other_archive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no wheel"):
        archives.settle(tmp_path / "p.zip", MOMENT)


LINKS = '\n[project.urls]\nChangelog = "x"\nDocumentation = "x"\nIssues = "x"\nSource = "x"\n'


def tree(folder: Path, version: str, changelog: str, links: str = LINKS) -> Path:
    (folder / "pyproject.toml").write_text(f'[project]\nname = "p"\nversion = "{version}"\n{links}')
    (folder / "CHANGELOG.md").write_text(changelog)
    return folder


GOOD = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-02\n\n### Added\n\n- Something.\n"


def test_a_release_that_can_be_built(tmp_path: Path) -> None:
    assert list(checks.mistakes(tree(tmp_path, "0.2.0", GOOD), ["v0.2.0"], "")) == []


@pytest.mark.parametrize(
    ("version", "changelog", "tags", "changed", "reported"),
    [
        ("0.2.0", GOOD, [], "", "no tag v0.2.0"),
        ("0.2.0", GOOD, ["v0.1.0"], "", "no tag v0.2.0"),
        ("0.2.0", GOOD, ["v0.2.0"], " M a\n", "not committed"),
        ("0.2.0.dev0", GOOD.replace("0.2.0", "0.2.0.dev0"), ["v0.2.0.dev0"], "", "is no version of a release"),
        ("0.2.1", GOOD, ["v0.2.1"], "", "no section ## [0.2.1]"),
        ("0.2.0", GOOD.replace(" - 2027-01-02", ""), ["v0.2.0"], "", "write the date"),
        ("0.2.0", GOOD.replace("[Unreleased]\n", "[Unreleased]\n\n- Late.\n"), ["v0.2.0"], "", "under [Unreleased]"),
    ],
)
def test_what_is_missing(
    tmp_path: Path, version: str, changelog: str, tags: list[str], changed: str, reported: str
) -> None:
    (found,) = checks.mistakes(tree(tmp_path, version, changelog), tags, changed)
    assert reported in found


def test_links_that_are_missing(tmp_path: Path) -> None:
    links = '\n[project.urls]\nSource = "x"\n'
    (found,) = checks.mistakes(tree(tmp_path, "0.2.0", GOOD, links), ["v0.2.0"], "")
    assert found.endswith("lacks Changelog, Documentation, Issues")
