"""Runs of pytest against an SM-DP+ in a process of its own."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_euicc.cli import main
from pytest_euicc.conformance.reading import loader
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.inspection import handshake
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.iut.smdp.provisioning import write
from pytest_euicc.rsp.pki import default_pki
from tests.support.forked import Command
from tests.support.plugin_runs import run as run_suite
from tests.support.plugin_runs import run_process
from tests.support.remote_smdp import CASES, CODE, HOST, OPTIONS, pem, planned
from tests.support.smdp_peer import Peer


@dataclass
class Served:
    """A simulated SM-DP+ in a process of its own, and what a declaration says of it."""

    folder: Path
    declared: dict[str, Any]

    def declare(self, name: str, **fields: Any) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(self.declared | fields))
        return path


def stock() -> list[dict[str, Any]]:
    kinds = [{"type": "GOLD"}] * 6 + [{"type": "RANDOM", "keys": "random"}] * 3
    return [{"state": "Available", "iccid": f"89990000000001{at:04d}", **kind} for at, kind in enumerate(kinds)]


def serving_process(*arguments: str | Path) -> tuple[Command, list[str]]:
    """A server in a process of its own, with the URLs of its listeners: P-256, Brainpool, ES2+."""
    ports = ["--port", "0", "--brainpool-port", "0", "--es2-port", "0"]
    process = Command("serve", "smdp", *arguments, *ports)
    return process, re.findall(r"https://[\w.]+:\d+", process.output.readline())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    write(folder / "held.yaml", planned("CancelSession_After", ".GetBoundProfilePackageNIST"), HOST, "Served")
    text = (folder / "held.yaml").read_text().replace('confirmation_code: "1234"', f'confirmation_code: "{CODE}"')
    (folder / "held.yaml").write_text(text)
    content = yaml.safe_load(text)
    inventory = folder / "inventory.yaml"
    inventory.write_text(yaml.safe_dump({"profiles": content["profiles"] + stock()}))
    (folder / "operator.pem").write_bytes(pem())
    process, (nist, brainpool, es2) = serving_process("--inventory", inventory)
    addresses = {"smdp": HOST, "nist": nist, "brainpool": brainpool, "resolve": {HOST: "127.0.0.1"}}
    declared = {"name": "Served", "iut": "smdp", "version": "2.6.0", "options": OPTIONS, "addresses": addresses}
    types = [{"type": "GOLD", "keys": "session"}, {"type": "RANDOM", "keys": "random"}]
    es2plus = {"url": es2, "identity": "operator.pem", "smds_address": "smds.example.com", "types": types}
    yield Served(folder, declared | {"es2plus": es2plus})
    process.end()


def run(pytester: pytest.Pytester, *arguments: str | Path) -> pytest.RunResult:
    fixed = ("--pyargs", "pytest_euicc.suites.test_es9plus", "-p", "no:cacheprovider", "--euicc", "pcsc:no such reader")
    return run_process(pytester, *fixed, *arguments)


def passed(result: pytest.RunResult) -> int:
    outcomes = result.parseoutcomes()
    assert set(outcomes) <= {"passed", "deselected"}, result.stdout.str()
    return outcomes["passed"]


def test_provisioned_by_hand_with_workers_and_without_a_card(pytester: pytest.Pytester, served: Served) -> None:
    declaration = served.declare("hand.yaml", es2plus=None, inventory="held.yaml")
    result = run(pytester, "--smdp-declaration", declaration, "-k", "CancelSession_After", "-n", "2")
    # As many sequences as profiles: none was handed out twice.
    expected = loader.chosen(CASES, "smdp", ["CancelSession_After"])
    assert passed(result) == sum(len(case.sequences) for case in expected)
    result.stdout.fnmatch_lines([f"SM-DP+ {served.declared['addresses']['nist']} *"])


def test_provisioned_over_es2plus(pytester: pytest.Pytester, served: Served) -> None:
    declaration = served.declare("es2.yaml")
    chosen = "AuthenticateClientNIST_0 or AuthenticateClientNIST_1 or ErrorCases_08 or GetBoundProfilePackageNIST_03"
    # More sequences than profiles: each is given back.
    assert passed(run(pytester, "--smdp-declaration", declaration, "-k", chosen)) > 12


def test_provisioned_by_a_hook(pytester: pytest.Pytester, served: Served) -> None:
    declaration = served.declare("hook.yaml", es2plus=None)
    profiles = yaml.safe_load((served.folder / "held.yaml").read_text())["profiles"]
    random = next(entry["matching_id"] for entry in profiles if entry.get("keys") == "random")
    pytester.makepyfile(
        vendor=f"""
        from pytest_euicc.conformance.engine.smdp import HeldOrder
        def pytest_euicc_provision_profile(config, wish):
            assert config.getoption("smdp_declaration")
            if wish.keys == "random":
                return HeldOrder({random!r})
        """
    )
    pytester.syspathinsert()
    chosen = "_ES9+.GetBoundProfilePackageNIST_03 or _ES9+.GetBoundProfilePackageNIST_01"
    result = run(pytester, "-p", "vendor", "--smdp-declaration", declaration, "-k", chosen)
    result.assert_outcomes(passed=1, errors=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(
        [
            "*PackageNIST_01: inconclusive: *test setup incomplete: *holds no profile for it: *",
            "the SM-DP+ did not hold (*",
            "  1 x activation code, bound to no EID, under session keys",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_served_smdp_with_defects(capsys: pytest.CaptureFixture[str]) -> None:
    process, (nist, *_) = serving_process("--defect", "no-tls-1.3", "--defect", "accepts-any-address")
    try:
        tls = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"})
        assert handshake(nist, tls).version == "TLSv1.2"
        with Es9Client(nist, tls) as client:
            assert not Peer(client).initiate("elsewhere.example.com").failed
    finally:
        process.end()
    assert main(["serve", "smdp", "--defect", "no-such"]) == 2
    assert capsys.readouterr().err.startswith("--defect: no defect 'no-such'; `pytest-euicc defects` lists them")


_SPY = """
import functools, pathlib
from pytest_euicc.peers.euicc import EuiccPeer
from pytest_euicc.rsp import package_secrets, signatures
from pytest_euicc.rsp.bsp import Bsp
KEYS = pathlib.Path({keys!r})
made, begun, hashed = EuiccPeer.new_one_time_key, Bsp.__init__, signatures.hash_cc
masked = package_secrets.note
def note(octets):
    with KEYS.open("a") as file:
        file.write(octets.hex() + chr(10))
def new_one_time_key(self):
    key = made(self)
    note(key.private_numbers().private_value.to_bytes(32, "big"))
    return key
def begin(self, keys):
    for octets in (keys.encryption, keys.mac):
        note(octets)
    begun(self, keys)
def hash_cc(*of):
    found = hashed(*of)
    note(found)
    return found
def of_package(*octets):
    for each in octets:
        # A PIN of the tester is found by chance.
        if len(set(each)) > 2 and len(each) >= 16:
            note(each)
    masked(*octets)
EuiccPeer.new_one_time_key, Bsp.__init__, signatures.hash_cc = new_one_time_key, begin, hash_cc
package_secrets.note = of_package
"""


def _forms(key: bytes) -> list[bytes]:
    """A key as reports might have it: raw, in hex of both cases, as a number, in base64 at each of three offsets."""
    forms = [key, key.hex().encode(), key.hex().upper().encode(), str(int.from_bytes(key)).encode()]
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + key)
        # What is before and behind the key changes the characters at its ends.
        forms.append(whole[4 if offset else 0 : len(whole) - 4])
    return forms


def test_no_secret_of_a_run_is_in_its_reports(pytester: pytest.Pytester, served: Served, tmp_path: Path) -> None:
    """A profile of a real SM-DP+ is somebody's: reports must not open it (nor the seed, which they name)."""
    declaration = served.declare("secret.yaml", es2plus=None, inventory="held.yaml")
    keys, reports = tmp_path / "keys", tmp_path / "reports"
    pytester.makepyfile(spy=_SPY.format(keys=str(keys)))
    pytester.syspathinsert()
    # One with a package, one under random keys, one with a confirmation code, one with a wrong one.
    chosen = " or ".join(f"_ES9+.GetBoundProfilePackageNIST_{number}" for number in ("01", "03", "04", "ErrorCases_04"))
    where = ("--alluredir", reports / "allure", "--euicc-report", reports / "evidence", "--junitxml", reports / "j.xml")
    for _ in range(2):
        result = run(
            pytester, "-p", "spy", "--smdp-declaration", declaration, "-k", chosen, "--euicc-seed", "one", *where
        )
        assert result.ret in (0, 1)
        terminal = result.stdout.str() + result.stderr.str()
        assert result.parseoutcomes().get("passed", 0) >= 3, terminal
        assert CODE not in terminal
    used = [bytes.fromhex(line) for line in keys.read_text().split()]
    assert len(used) >= 6
    assert any(len(key) == 34 for key in used), "K and OPc of no package"
    one_time = [key for key in used if len(key) == 32]
    assert len(set(one_time)) == len(one_time) >= 4, "the same seed gives the same keys"
    written = b"\n".join(path.read_bytes() for path in reports.rglob("*") if path.is_file())
    assert b"boundProfilePackage" in written
    assert CODE.encode() not in written
    for key in used:
        for form in _forms(key):
            assert form not in written, f"{key.hex()} is in a report as {form!r}"


def test_secrets_are_shown_when_asked_for(pytester: pytest.Pytester, served: Served, tmp_path: Path) -> None:
    """Else the search above might look for what no report would hold."""
    declaration = served.declare("shown.yaml", es2plus=None, inventory="held.yaml")
    keys, reports = tmp_path / "keys", tmp_path / "reports"
    pytester.makepyfile(spy=_SPY.format(keys=str(keys)))
    pytester.syspathinsert()
    where = ("--alluredir", reports / "allure", "--euicc-report", reports / "evidence", "--euicc-show-secrets")
    chosen = "_ES9+.GetBoundProfilePackageNIST_04"
    assert passed(run(pytester, "-p", "spy", "--smdp-declaration", declaration, "-k", chosen, *where)) >= 1
    used = [bytes.fromhex(line) for line in keys.read_text().split()]
    for folder in ("allure", "evidence"):
        written = b"\n".join(path.read_bytes() for path in (reports / folder).rglob("*") if path.is_file())
        assert any(key.hex().upper().encode() in written for key in used)


def test_a_server_that_is_not_there_is_told_once(pytester: pytest.Pytester) -> None:
    chosen = ("-k", "InitiateAuthenticationNIST", "--smdp", "https://127.0.0.1:9", "-rE")
    result = run_suite(pytester, "es9plus", *chosen)
    text = result.stdout.str()
    assert text.count("nothing listens at 127.0.0.1:9") == 1
    # Where causes are counted.
    assert text.count("not tried again") == 1
    assert re.search(r" 1 error, [1-9]\d* not tried as the server is lost", text)
    assert re.search(r"ES9\+ +[1-9]\d* inconclusive", text)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
