"""The reference of pytest's options and of the command line as Markdown, made from the table and the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

from pytest_euicc import cli_arguments, options

_OPTIONS = """\
# Options of pytest

{made}
Options that the plugin adds to `pytest`. Each has an ini key for `pytest.ini`, or for `[tool.pytest.ini_options]` in
`pyproject.toml`, except those that concern a single run. A key that names paths accepts several lines.

"""
_COMMANDS = """\
# Commands

{made}
What `pytest-euicc` can do. `pytest-euicc COMMAND --help` says the same at the terminal.
"""


def option_page(made: str) -> str:
    """Every option of pytest that the plugin adds; ``made`` is the line that says by what the page is made."""
    rows = [
        (
            f"`{option.flag}{f' {option.metavar}' if option.metavar else ''}`",
            option.help,
            f"`{option.dest}`" * bool(option.ini),
        )
        for option in options.table()
    ]
    return _OPTIONS.format(made=made) + _table(("option", "meaning", "ini key"), rows)


def command_page(made: str) -> str:
    """Every command of ``pytest-euicc`` with its arguments."""
    return "\n".join([_COMMANDS.format(made=made), *_commands(cli_arguments.parser(), "")])


def _commands(parser: argparse.ArgumentParser, about: str) -> Iterator[str]:
    """A section for each command below ``parser``, those of its own groups included."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield f"## `{parser.prog}`\n\n{_sentence(about)}\n"
        rows = [row for action in parser._actions if (row := _argument(action))]
        if rows:
            yield _table(("argument", "meaning"), rows)
    for group in groups:
        texts = {choice.dest: choice.help or "" for choice in group._choices_actions}
        for name, inner in group.choices.items():
            yield from _commands(inner, texts.get(name, ""))


def _argument(action: argparse.Action) -> tuple[str, str] | None:
    """The row of an argument; None for those that are not documented."""
    if action.dest == "help" or action.help == argparse.SUPPRESS:
        return None
    if action.choices is not None:
        value = "|".join(map(str, action.choices))
    else:
        metavar = action.metavar if isinstance(action.metavar, str) else None
        value = metavar or (action.dest.upper() if action.option_strings else action.dest)
    if not action.option_strings:
        words = {"*": f"[{value} …]", "+": f"{value} …", "?": f"[{value}]"}.get(str(action.nargs), value)
    else:
        words = ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")
    return f"`{words}`", action.help or ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
