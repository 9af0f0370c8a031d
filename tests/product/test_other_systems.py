"""What other systems than Linux lack is not needed: Windows has no fcntl, no fork, no SIGHUP, no user ids, no FIFOs.

They cannot be had here, so a process of its own has these taken away, imports everything and runs suites.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pytest_euicc import resources
from pytest_euicc.conformance.reading import loader

LACKING = """
import importlib, os, pkgutil, signal, socket, sys
import pytest, filelock, httptools, allure_pytest.plugin, xdist

# Its lock for Windows cannot run here, and that for Unix needs what is taken away.
filelock.FileLock = filelock.SoftFileLock
for name in ("fcntl", "termios", "tty", "pty", "resource", "grp", "pwd"):
    sys.modules[name] = None
for module, names in {
    os: "fork register_at_fork getuid geteuid getpgid killpg setsid mkfifo openpty O_NONBLOCK O_NOCTTY O_NOFOLLOW",
    signal: "SIGHUP SIGKILL SIGUSR1 SIGALRM setitimer pthread_sigmask",
    socket: "AF_UNIX",
}.items():
    for name in names.split():
        delattr(module, name)

import pytest_euicc
from pytest_euicc import cli
for module in pkgutil.walk_packages(pytest_euicc.__path__, "pytest_euicc."):
    if not module.name.startswith(("pytest_euicc.suites", "pytest_euicc.simulator.pcscd")):
        importlib.import_module(module.name)
suites = ["pytest_euicc.suites.test_es10c", "pytest_euicc.suites.test_es9plus", "pytest_euicc.suites.test_lpad"]
ours = ["--pyargs", "-q", "-p", "no:cacheprovider", "-p", "pytest_euicc.plugin"]
given = ["-k", "GetEID or InitiateAuthentication_01", "--euicc-report", "out", "--euicc-record", "run.trace"]
print("run", int(pytest.main([*ours, *suites, *given])), flush=True)
print("terminal", int(pytest.main([*ours, suites[0], "--euicc-operator", "terminal"])), flush=True)
print("modem", cli.main(["serve", "modem"]), flush=True)
"""


def test_what_windows_lacks_is_not_needed(tmp_path: Path) -> None:
    # Plugins of others are not asked for what they need.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}
    # What is kept of the vectors is read back, as to read them anew takes long; modules are compiled and written.
    kept = tmp_path / "cache" / "pytest-euicc"
    kept.mkdir(parents=True, mode=0o700)
    loader.load([resources.vectors()])
    for file in Path(os.environ["XDG_CACHE_HOME"], kept.name).glob("vectors-*"):
        shutil.copy2(file, kept)
    done = subprocess.run(
        [sys.executable, "-c", LACKING], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    reported = done.stdout + done.stderr
    ended = dict(re.findall(r"^(run|terminal|modem) (\d)$", reported, re.MULTILINE))
    assert ended == {"run": "0", "terminal": "4", "modem": "2"}, reported
    assert "no pseudo-terminal can be opened here: " in reported
    assert "ERROR: --euicc-operator terminal: this process has no terminal" in reported
    assert (tmp_path / "out" / "summary.html").is_file()
    assert list(kept.glob("asn1-*"))
