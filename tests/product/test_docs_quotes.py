"""What the documentation quotes is in the code: messages of the FAQ, pieces of the examples; and the examples work."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from pytest_euicc import cli_arguments, options
from pytest_euicc.conformance.reading import loader
from tests.support.plugin_runs import run_tests

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
MESSAGES = re.findall(r"^### `(.+)`$", (ROOT / "docs" / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)
QUOTED = [
    (str(page.relative_to(ROOT)), name, piece)
    for page in PAGES
    for name, piece in re.findall(
        r"^```\w+\n# (docs/examples/\S+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
    )
]


@cache
def texts() -> tuple[str, ...]:
    """Every text in the code, with `…` for what is put into it."""
    return tuple(text for path in (ROOT / "pytest_euicc").rglob("*.py") for text in written(path))


def written(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


def is_a_message(message: str) -> bool:
    """Whether a text of the code has the words of a message, in their order."""
    words = re.compile(".*?".join(re.escape(part) for part in message.split("…") if part), re.DOTALL)
    return any(map(words.search, texts()))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_faq_is_one_of_the_code(message: str) -> None:
    assert is_a_message(message)


def test_a_message_that_nobody_says_is_found() -> None:
    assert len(MESSAGES) > 20
    assert not is_a_message("the reader … has no … at all")


@pytest.mark.parametrize(("page", "name", "piece"), QUOTED, ids=[f"{page}:{name}" for page, name, _ in QUOTED])
def test_a_piece_of_an_example_is_as_it_stands_there(page: str, name: str, piece: str) -> None:
    """Blank lines between its parts may be others than in the example."""
    assert piece in (ROOT / name).read_text(encoding="utf-8")


def test_examples_are_quoted() -> None:
    assert {name for _, name, _ in QUOTED} >= {"docs/examples/nickname.yaml", "docs/examples/test_own.py"}


def test_the_vector_of_the_how_to_is_in_order() -> None:
    (case,) = loader.load([ROOT / "docs" / "examples" / "nickname.yaml"])
    assert case.sequence_id(case.sequences[0]) == "TC_Acme_Nickname_01"


def test_the_tests_of_the_how_to_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=(ROOT / "docs" / "examples" / "test_own.py").read_text(encoding="utf-8"))
    run_tests(pytester).assert_outcomes(passed=2)


def commands(page: Path) -> Iterator[str]:
    """What follows `pytest-euicc` in blocks of code, a line or what is joined to one."""
    blocks = re.findall(
        r"^ *```\w*\n.*?^ *```$|(?:^    .*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            match = re.search(r"(?:^|[ /$])pytest-euicc (?!COMMAND)([a-z]+(?: [^|>&]*|$))", line.partition("  #")[0])
            if match and "`" not in line:
                yield match[1]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_can_be_given(page: Path) -> None:
    parser = cli_arguments.parser()
    for command in commands(page):
        try:
            parser.parse_args(shlex.split(command))
        except SystemExit:
            pytest.fail(f"pytest-euicc {command}")


def test_commands_are_found() -> None:
    assert sum(1 for page in PAGES for _ in commands(page)) > 45


def test_options_that_are_written_of_exist() -> None:
    """Options of pytest in the documentation; those of commands are in pages of their own."""
    known = {option.flag for option in options.table()}
    for page in [*PAGES, ROOT / "README.md"]:
        used = set(re.findall(r"(?<![\w-])--(?:euicc|smdp|lpa)(?:-[a-z]+)+", page.read_text(encoding="utf-8")))
        assert used <= known, page


def test_yaml_that_is_shown_can_be_read() -> None:
    blocks = [
        (page, block)
        for page in PAGES
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    ]
    assert len(blocks) > 15
    for page, block in blocks:
        try:
            yaml.safe_load(block)
        except yaml.YAMLError as error:
            pytest.fail(f"{page}: {error}")
