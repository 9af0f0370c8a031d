"""An LPA that is driven by commands: what it passes on, what it asks, and how it ends."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.engine.errors import NotPermitted, NotReachable
from pytest_euicc.document import FileMistakes
from pytest_euicc.errors import OptionError
from pytest_euicc.iut.lpa.bench import ADDRESS, SimulatedBench
from pytest_euicc.iut.lpa.commands import CommandDriver
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.options import Options
from pytest_euicc.peers.lpa.bench import Answer
from pytest_euicc.peers.lpa.script import Rule
from pytest_euicc.rsp.pki import default_pki

ICCID = bytes.fromhex("98001032547698103214")
PROGRAM = str(Path(__file__).parents[1] / "support" / "stdio_lpa.py")


def bench(
    timeout: float = 20.0, abort: str = "", isdr_aid: dict[str, str] | None = None, **operations: object
) -> SimulatedBench:
    file = DriverFile.model_validate(
        {
            "abort": abort,
            "isdr_aid": isdr_aid or {},
            "name": "a program",
            "program": sys.executable,
            "results": {"line": '"type": "lpa"', "code": "payload.code", "text": ["payload.message"]},
            "prompts": [{"when": "preview", "answers": {"yes": "y", "no": "n"}}],
            "operations": operations,
        }
    )
    return SimulatedBench(CommandDriver(file), default_pki(), timeout)


def test_apdus_go_to_the_card_and_the_result_is_read() -> None:
    made = bench(eid={"command": [PROGRAM, "eid"], "values": {"eid": "payload.data.eidValue"}})
    answer = made.perform("eid", {})
    assert (answer.result, answer.values) == ("success", {"eid": made.eid})
    assert [call.name for call in made.record.calls][:4] == ["RESET", "MANAGE CHANNEL", "SELECT", "ES10c.GetEID"]
    assert made.card_state()["open_channels"] == 0
    made.close()


@pytest.mark.parametrize(("host", "result"), [(ADDRESS, "success"), ("nobody.example.com", "failure")])
def test_requests_go_to_the_servers(host: str, result: str) -> None:
    made = bench(download={"command": [PROGRAM, "http", "{code}"]})
    assert made.perform("download", {"code": host}).result == result
    names = [call.name for call in made.record.calls]
    assert names == (["ES9+.HandleNotification"] if result == "success" else ["CONNECT"])
    made.close()


@pytest.mark.parametrize(("consent", "result"), [("yes", "success"), ("no", "failure")])
def test_the_user_answers_prompts(consent: str, result: str) -> None:
    made = bench(download={"command": [PROGRAM, "ask"]})
    made.user.consent = consent  # type: ignore[assignment]
    assert made.perform("download", {"code": "x"}).result == result
    assert [call.name for call in made.record.calls] == ["consent"]
    made.close()


def test_every_way_to_end_is_told_apart() -> None:
    hanging = bench(timeout=1.0, list={"command": [PROGRAM, "hang"]})
    assert hanging.perform("list", {}).ending == "timeout"
    hanging.close()
    made = bench(
        enable={"command": [PROGRAM, "crash", "{profile}"]},
        delete={"command": [PROGRAM, "nothing", "{iccid}"]},
    )
    assert made.perform("enable", {"text": "1"}).ending == "crash"
    reported = made.perform("delete", {"iccid": ICCID})
    assert (reported.result, reported.ending) == ("failure", "reported")
    with pytest.raises(NotPermitted, match="no command for it"):
        made.perform("nickname", {"name": "x", "iccid": bytes(10)})
    with pytest.raises(NotPermitted, match="takes no text"):
        made.perform("delete", {"text": "8900"})
    made.close()


CRASHES = {
    "Python": "raise ValueError('x')",
    "Go": "import sys; sys.exit('panic: runtime error: index out of range [1]\\n\\ngoroutine 1 [running]:')",
    "Rust": "import sys; print(\"thread 'main' panicked at src/main.rs:4:5:\"); sys.exit(101)",
    "Java": "import sys; sys.exit('Exception in thread \"main\" java.lang.NullPointerException')",
}


@pytest.mark.parametrize("code", CRASHES.values(), ids=CRASHES)
def test_a_crash_with_an_exit_status_is_not_a_reported_failure(code: str) -> None:
    file = DriverFile.model_validate(
        {
            "name": "a program",
            "program": sys.executable,
            "results": {"last_object": True},
            "operations": {
                "list": {"command": ["-c", code]},
                "delete": {"command": ["-c", "import sys; sys.exit('no such profile')", "{iccid}"]},
            },
        }
    )
    made = SimulatedBench(CommandDriver(file), default_pki(), 20.0)
    crashed = made.perform("list", {})
    assert (crashed.result, crashed.ending) == ("unknown", "crash")
    assert "exit status" in crashed.text
    # What an earlier operation has written does not count.
    failed = made.perform("delete", {"iccid": ICCID})
    assert (failed.result, failed.ending) == ("failure", "reported")
    made.close()


@pytest.mark.parametrize(
    ("written", "result", "profiles"),
    [
        ('{\n "seq": null\n}', "success", []),
        (
            '{\n "seq": {"info": {"iccid": "89000123456789012341", "icon": "89504E47"}}\n}',
            "success",
            [{"iccid": bytes.fromhex("98001032547698103214"), "icon": b"\x89PNG"}],
        ),
        ('{\n "seq": [{"info": {"name": "A"}}, {"info": {}}]\n}', "success", [{"name": "A"}, {}]),
        ('{\n "error": 1\n}', "failure", None),
        ("Traceback", "failure", None),
    ],
)
def test_the_last_object_of_an_output_may_be_the_result(written: str, result: str, profiles: object) -> None:
    listed = {"at": "seq", "each": {"iccid": "info.iccid", "name": "info.name", "icon": "info.icon"}}
    file = DriverFile.model_validate(
        {
            "name": "a program",
            "program": sys.executable,
            "results": {"last_object": True, "success": ["ok"]},
            "operations": {
                "list": {
                    "command": [PROGRAM, "object", "{written}"], "code": "seq", "success": [],
                    "values": {"profiles": listed},
                }
            },
        }
    )  # fmt: skip
    made = SimulatedBench(CommandDriver(file), default_pki(), 20.0)
    answer = made.perform("list", {"written": written})
    assert (answer.result, answer.values.get("profiles")) == (result, profiles)
    made.close()


def test_a_program_that_does_not_read_is_not_waited_for() -> None:
    made = bench(timeout=1.0, download={"command": [PROGRAM, "deaf"]})
    made.script.add(Rule(function="HTTP", http=200, body="x" * (4 << 20)))
    assert made.perform("download", {"code": "x"}).ending == "timeout"
    made.close()


@pytest.mark.parametrize(
    ("what", "result", "ending", "text"),
    [("abort", "failure", "reported", "aborted"), ("kill", "unknown", "killed", "killed by the bench")],
)
@pytest.mark.parametrize("interrupts", [signal.default_int_handler, signal.SIG_IGN], ids=["shell", "background job"])
def test_a_program_is_aborted_and_killed_while_it_waits(
    what: str, result: str, ending: str, text: str, interrupts: Any
) -> None:
    before = signal.signal(signal.SIGINT, interrupts)
    try:
        answer, names = while_it_waits(what)
        assert signal.getsignal(signal.SIGINT) is interrupts
    finally:
        signal.signal(signal.SIGINT, before)
    assert (answer.result, answer.ending, answer.text) == (result, ending, text)
    assert names == ["HTTP", "MEANWHILE"]


def while_it_waits(what: str) -> tuple[Answer, list[str]]:
    made = bench(download={"command": [PROGRAM, "abortable"]}, abort="interrupt")
    made.script.add(Rule.model_validate({"function": "HTTP", "meanwhile": what}))
    answer = made.perform("download", {"code": "x"})
    made.close()
    return answer, [call.name for call in made.record.calls]


def test_a_program_is_told_another_aid_of_the_isdr() -> None:
    aid = "A0000005591010FFFFFFFF8900000177"
    made = bench(
        eid={"command": [PROGRAM, "eid"], "values": {"eid": "payload.data.eidValue"}}, isdr_aid={"AID": "{isdr_aid}"}
    )
    made.put_card({"isdr_aid": aid})
    assert made.perform("eid", {}).values == {"eid": made.eid}
    assert [call.value["aid"].hex().upper() for call in made.record.named("SELECT")] == [aid]
    made.close()
    unable = bench(eid={"command": [PROGRAM, "eid"]})
    with pytest.raises(NotPermitted, match="takes no other AID"):
        unable.put_card({"isdr_aid": aid})
    unable.close()


@pytest.mark.parametrize(
    ("what", "why"), [("abort", "does not say how a download is aborted"), ("download", "one command at a time")]
)
def test_what_a_program_cannot_be_met_by_is_not_applicable(what: str, why: str) -> None:
    made = bench(download={"command": [PROGRAM, "abortable"]})
    made.script.add(Rule.model_validate({"function": "HTTP", "meanwhile": what}))
    with pytest.raises(NotPermitted, match=f"{what} while a program is at work: .*{why}"):
        made.perform("download", {"code": "x"})
    assert made.record.calls == []
    made.close()


def test_a_program_that_is_not_there_is_one_message() -> None:
    file = DriverFile.load(resources.declarations() / "drivers" / "lpac.yaml")
    driver = CommandDriver(file.model_copy(update={"program": "no-such-program", "program_from": "NO_SUCH_VARIABLE"}))
    made = SimulatedBench(driver, default_pki())
    with pytest.raises(NotReachable, match="no-such-program: no such program; install it, or name it in"):
        made.perform("list", {})
    made.close()


def test_mistakes_in_a_driver_file_have_their_place(tmp_path: Path) -> None:
    path = tmp_path / "lpa.yaml"
    path.write_text("name: x\nprogram: y\noperations:\n  dance: { command: [a] }\nmore: 1\n", encoding="utf-8")
    with pytest.raises(FileMistakes) as raised:
        DriverFile.load(path)
    assert "more" in str(raised.value)
    assert "lpa.yaml:4" in str(raised.value)


def test_an_unknown_driver_names_those_there_are() -> None:
    from pytest_euicc.iut.lpa.opening import open_driver

    with pytest.raises(OptionError, match="those are lpac"):
        open_driver(Options(lpa="nobody"))
    assert open_driver(Options(lpa="lpac")).name == "lpac (stdio backends)"


def test_what_a_program_leaves_is_read_once_it_has_ended() -> None:
    words = "import sys; open(sys.argv[1] + '/cache', 'w').write('1$x$y'); print('code 1234', file=sys.stderr)"
    file = DriverFile.model_validate(
        {
            "name": "a program",
            "program": sys.executable,
            "log": "standard error",
            "operations": {"download": {"command": ["-c", words, "{folder}"]}, "list": {"command": ["-c", ""]}},
        }
    )
    made = SimulatedBench(CommandDriver(file), default_pki())
    made.perform("download", {"code": "x"})
    assert made.log() == "code 1234\n"
    assert made.left_files() == {"cache": b"1$x$y"}
    made.begin(1)
    made.perform("list", {})
    assert (made.log(), made.left_files()) == ("", {})
    with pytest.raises(NotPermitted, match="does not enable what it downloads"):
        made.perform("download", {"code": "x", "enable": True})
    made.close()


def test_a_program_that_says_nothing_of_its_log_and_files_has_none_to_judge() -> None:
    made = bench(list={"command": [PROGRAM, "nothing"]})
    made.perform("list", {})
    with pytest.raises(NotPermitted, match="does not show its log"):
        made.log()
    with pytest.raises(NotPermitted, match="does not show its files"):
        made.left_files()
    made.close()
