"""Declarations of the package as a start for one's own: without what belongs to the simulated card."""

from __future__ import annotations

import re
from itertools import pairwise

from pytest_euicc import resources
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest

_OF_THE_CARD = ("eid", "test_cards", "restore", "ci_verification", "ci_signing")
_LPAS = ("lpac", "pysim-shell", "phone")
"""Declarations of LPAs."""
_KEY = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
_ASKED = """\
# Of your card: its EID, the key identifiers of its CIs in order of priority, and whether tests may change it.
#?eid: "89..."
#?ci_verification: []
#?ci_signing: []
#?test_cards: ["89..."]
"""


class NoTemplate(PytestEuiccError):
    """There is no declaration of that name."""


def names() -> dict[str, str]:
    """What a template is called, with the name of its file: ``v2.6`` and ``v26-integrated`` are the same."""
    stems = [card.name for card in resources.simulated_cards()]
    short = {f"v{stem[1]}.{stem[2]}": stem for stem in stems if re.match(r"v\d\d-", stem)}
    return short | {stem: stem for stem in (*stems, *_LPAS)}


def template(name: str) -> str:
    """The text of a declaration to go on from.

    Raises:
        NoTemplate: there is none of that name.
    """
    stem = names().get(name)
    if stem is None:
        raise NoTemplate(f"no template {name!r}{closest(name, names())}")
    text = (resources.declarations() / f"{stem}.yaml").read_text(encoding="utf-8")
    starts = [*(found.start() for found in _KEY.finditer(text)), len(text)]
    blocks = [text[: starts[0]], *(text[one:following] for one, following in pairwise(starts))]
    kept = [block for block in blocks if not block.startswith(tuple(f"{key}:" for key in _OF_THE_CARD))]
    return "".join(kept) + ("" if stem in _LPAS else _ASKED)
