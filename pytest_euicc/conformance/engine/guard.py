"""A test in Python on a card: nothing is changed without permission, and changes are restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from pytest_euicc.card.transport import SnapshotTransport
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.kinds import KINDS, Preparation, Undo
from pytest_euicc.conformance.files.observations import NOT_COMPARED, NOT_RESTORED
from pytest_euicc.es10.changes import Changes


@contextmanager
def guarded(
    session: Session, name: str, refuse: Callable[[str], NoReturn], *, restore: bool = True
) -> Iterator[Context]:
    """Around a test that talks to the card by itself; its context says afterwards what is left behind.

    Args:
        name: of the test, for recordings.
        refuse: called with the reason where a command would change a card that must not be changed.
        restore: False: the card stays as the test leaves it.
    """
    library.load()
    card, watch = session.held_card(), Changes()
    refused = session.refusal()
    context = Context(session, f"before {name}")
    preparation: Preparation | None = None
    # The replay of a real card has nothing to restore, and its previous content was read in a section of its own.
    if restore and refused is None and (session.real_card or isinstance(card.transport, SnapshotTransport)):
        preparation = KINDS.get("euicc").prepare(context, changes=True)
    context.changed = False
    session.section(name)

    def guard(octets: bytes) -> None:
        what = watch.of(octets)
        if what and refused is not None:
            refuse(f"{what} changes the card: {refused}")
        context.changed |= bool(what)

    card.guard = guard
    try:
        yield context
    finally:
        card.guard = None
        if preparation is not None and (context.changed or isinstance(card.transport, SnapshotTransport)):
            session.section(f"after {name}")
            preparation.restore(Undo(context))
            # No verdict of steps stands beside it here, so that what is not as before is reported as left behind.
            reported = [each.text for each in context.observations if each.kind in (NOT_COMPARED, NOT_RESTORED)]
            context.left_behind += reported
        if session.journal is not None:
            session.journal.restored(context.sequence_id)
