"""An SM-DP+ in another process that is killed in the middle of a run: its sequence says so, the others are judged."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.forked import Command
from tests.support.plugin_runs import run_alone

HOST = "testsmdpplus1.example.com"
CHOSEN = "InitiateAuthenticationNIST_0 or InitiateAuthenticationNIST_ErrorCases_0"
KILLS = """
import os, signal, subprocess, threading
from pytest_euicc.iut.smdp import clients

COMMAND, RESTART, PIDS = {command!r}, {restart!r}, {pids!r}
send, left = clients.CircuitBreakerClient.send, [4]

def start():
    with open(PIDS, "a") as pids:
        print(subprocess.Popen(COMMAND, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).pid, file=pids)

def killing(self, *arguments, **named):
    left[0] -= 1
    if left[0] == 0:
        os.kill({pid}, signal.SIGKILL)
        self.close()
        if RESTART:
            threading.Timer(1.0, start).start()
    return send(self, *arguments, **named)

clients.CircuitBreakerClient.send = killing
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("restart", [True, False])
def test_a_server_killed_in_a_run(pytester: pytest.Pytester, tmp_path: Path, restart: bool) -> None:
    port = _free_port()
    none = ["--brainpool-port", "0", "--es2-port", "0"]
    arguments = ["serve", "smdp", "--port", str(port), *none]
    process = Command(*arguments)
    pids = tmp_path / "pids"
    pids.write_text("")
    try:
        assert str(port) in process.output.readline()
        declaration: dict[str, Any] = {"name": "Killed", "iut": "smdp", "version": "2.6", "options": ["O_P_NIST"]}
        declaration["addresses"] = {
            "smdp": HOST,
            "nist": f"https://{HOST}:{port}",
            "resolve": {HOST: "127.0.0.1"},
        }
        (tmp_path / "smdp.yaml").write_text(yaml.safe_dump(declaration))
        command = [sys.executable, "-m", "pytest_euicc.cli", *arguments]
        named = {"command": command, "restart": restart, "pids": str(pids), "pid": process.pid}
        pytester.makepyfile(kills=KILLS.format(**named))
        pytester.syspathinsert()
        result = run_alone(
            *(pytester, "es9plus", "-p", "kills", "--smdp-declaration", tmp_path / "smdp.yaml", "-k", CHOSEN),
            *("--euicc", "pcsc:no such reader", "--euicc-report", tmp_path / "report"),
            *("--smdp-wait", "60" if restart else "1"),
        )
    finally:
        process.end(signal.SIGKILL)
        for pid in map(int, pids.read_text().split()):
            os.kill(pid, signal.SIGKILL)
    said = result.stdout.str()
    assert "Traceback" not in said
    entries = json.loads((tmp_path / "report" / "run.json").read_text())["sequences"]
    judged = [entry for entry in entries if entry["verdict"] in ("pass", "fail")]
    died = [entry for entry in entries if "does not listen any more" in entry.get("reason", "")]
    unclear = [entry for entry in entries if entry["verdict"] == "inconclusive"]
    assert len(entries) > 6, said
    assert len(judged) >= (5 if restart else 1), said
    assert not [entry for entry in judged if entry["verdict"] == "fail"], said
    if restart:
        assert len(unclear) == len(died) == 1, said
    else:
        first = [entry for entry in died if "not tried again" not in entry.get("reason", "")]
        assert len(first) == 1, said
        assert len(unclear) >= 3, said
        assert all(
            "not tried again in this run" in entry.get("reason", "") for entry in unclear if entry not in first
        ), said
