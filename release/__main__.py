"""Checks, builds twice, compares and checks again; what is uploaded is then in ``dist/``. Nothing is uploaded.

python -m release            # of a tagged commit
python -m release --any      # build and check whatever is committed, as continuous integration does
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from release import archives, checks

ROOT = Path(__file__).parents[1]


def said(*command: str) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def build(folder: Path, moment: int) -> list[Path]:
    """Wheel and source distribution of what is committed, made in an empty tree.

    Args:
        folder: where they come.
        moment: seconds since 1970 that their files are of.
    """
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / "tree"
        packed = Path(place) / "tree.tar"
        said("git", "archive", "--output", str(packed), "HEAD")
        with tarfile.open(packed) as archive:
            archive.extractall(tree, filter="data")
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(moment)}
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
    made = sorted(folder.iterdir())
    for path in made:
        archives.settle(path, moment)
    return made


def main() -> int:
    """Exit status 0: ``dist/`` can be uploaded. 1: it has been said what is to be done first."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--any", action="store_true", help="also of a commit that is no release")
    arguments = parser.parse_args()
    moment = int(said("git", "log", "-1", "--format=%ct"))
    found = list(
        checks.mistakes(ROOT, said("git", "tag", "--points-at", "HEAD").split(), said("git", "status", "--porcelain"))
    )
    for line in found:
        print(f"{'note' if arguments.any else 'first'}: {line}")
    if found and not arguments.any:
        return 1
    out = ROOT / "dist"
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as again:
        made, second = build(out, moment), build(Path(again), moment)
        for one, other in zip(made, second, strict=True):
            if one.read_bytes() != other.read_bytes():
                print(f"{one.name}: two builds differ")
                return 1
    names = [str(path) for path in made]
    for check in (
        ["twine", "check", "--strict", *names],
        ["check_wheel_contents", *(n for n in names if n.endswith("whl"))],
    ):
        if subprocess.run([sys.executable, "-m", *check], check=False).returncode:
            return 1
    for path in made:
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} octets, the same in two builds")
    print("Not uploaded: twine upload dist/*")
    return 0


if __name__ == "__main__":
    sys.exit(main())
