"""Words for vectors: an action, a state, a check, and an option of a declaration."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from pytest_euicc.api import (
    NUMBER,
    CommandApdu,
    Context,
    Message,
    Mismatch,
    Outcome,
    action,
    check,
    mapping,
    register_option,
    state,
)

register_option("O_E_ACME_COUNTER", "eUICC: behind a reader of Acme, which counts commands")

_COUNTER = mapping("counter", commands=NUMBER)


@action("acme.read_counter", response=_COUNTER)
def read_counter(context: Context, message: Message) -> Outcome:
    """READ COUNTER: how many commands went to the card since the last reset of the counter."""
    answer = context.card.basic.send(CommandApdu.parse(bytes.fromhex("80CB000002")))
    value = {"commands": int.from_bytes(answer.data, "big")} if answer.ok else None
    return Outcome(sw=answer.sw, received=answer.data, value=value, shape=_COUNTER)


@state("acme_counter_reset")
def counter_reset(context: Context) -> Generator[None, None, None]:
    """The reader's counter is 0."""
    context.card.basic.send(CommandApdu.parse(bytes.fromhex("80CC0000")))
    yield


@check("acme_even")
def even(context: Context, outcome: Outcome) -> Iterable[Mismatch]:
    """The counter is an even number."""
    if outcome.value["commands"] % 2:
        yield Mismatch("commands", "an even number", str(outcome.value["commands"]))
