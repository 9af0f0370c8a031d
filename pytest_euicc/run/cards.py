"""Many cards in one run of pytest: which product a test is about, and a card of it for this process.

For users: docs/how-to/many-readers.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_euicc.card.errors import CardError
from pytest_euicc.errors import OptionError, PytestEuiccError
from pytest_euicc.options import Options

if TYPE_CHECKING:
    from pytest_euicc.harness import Harness
    from pytest_euicc.lab.pool import Pool, Product

_MARK = "-@"
"""Between a sequence and its product in the name of a test: ``test_sequence[ES10c.GetEID_01-@acme]``."""
_OWN = {"euicc": "--euicc", "declaration": "--euicc-declaration"}


def load(path: Path) -> Pool:
    """The pool of a file; raises OptionError."""
    from pytest_euicc.document import FileMistakes
    from pytest_euicc.lab.pool import Pool

    try:
        return Pool.load(path)
    except FileMistakes as error:
        raise OptionError(f"--euicc-pool: {error}") from None


def options_of(options: Options, product: Product, card: str = "") -> Options:
    """The options as they are for a product.

    Args:
        card: where the card is, as for ``--euicc``; empty: not known yet.
    """
    aid = bytes.fromhex(product.isdr_aid) or options.isdr_aid
    spec = card or (product.cards[0].card if product.cards else options.euicc)
    return replace(options, euicc=spec, declaration=product.declaration, pki=product.pki or options.pki, isdr_aid=aid)


def check(options: Options) -> None:
    """Raises OptionError where an option says otherwise than the pool."""
    for name, flag in _OWN.items():
        if getattr(options, name) != type(options).__dataclass_fields__[name].default:
            raise OptionError(f"{flag} and --euicc-pool: the pool file lists the cards; omit {flag}")


def sequence_of(parameter: str) -> str:
    """The sequence of a test, by what is in brackets in its name."""
    return parameter.partition(_MARK)[0]


def product_of(nodeid: str) -> str:
    """The product of a test; empty where it is about none, or the only one."""
    return nodeid.rpartition(_MARK)[2].removesuffix("]") if _MARK in nodeid else ""


def label(product: str) -> str:
    """What the name of a test has for its product (pytest puts a hyphen before it)."""
    return f"{_MARK[1:]}{product}"


def lease(options: Options, pool: Pool, name: str, host: str) -> Harness:
    """A card of a product, for this process alone, with its session.

    Args:
        name: of the product; empty where there is one.
        host: this machine, as in the pool file.

    Raises:
        NoFreeCard: there is none.
        OptionError: an option is wrong.
    """
    from pytest_euicc.harness import open_harness
    from pytest_euicc.lab import leasing

    product = pool.product(name)

    def opened(number: int, card: str) -> Harness:
        lease = leasing.Lease(options.claims, product.name, number).take()
        try:
            harness = open_harness(options_of(options, product, card))
        except PytestEuiccError:
            lease.release()
            raise
        harness.lease = lease
        try:
            leasing.check_same(options.claims, product.name, harness.description)
        except leasing.NotTheSame:
            harness.close()
            raise
        harness.product, harness.shared = name, len(product.cards) > 1
        if name:
            harness.description["product"] = name
        return harness

    number = re.search(r"\d+", options.worker)
    patience = max(options.wait, leasing.PATIENCE)
    harness = leasing.lease(
        product.name, product.on(host), opened, first=int(number[0]) if number else 0, patience=patience
    )
    harness.renew = lambda: lease(options, pool, name, host)
    return harness


def go_on(harness: Harness) -> bool:
    """Where a card of a pool does not answer any more, go on with one that does; whether that was so.

    Otherwise a dead card, which needs no time for a sequence, would get those of the living ones, too. If no card can
    be had, the session says why it is lost.
    """
    if harness.renew is None:
        return False
    if not harness.session.lost:
        try:
            harness.card.reset()
            harness.card.start()
        except CardError:
            pass
        else:
            return False
    harness.close()
    try:
        other = harness.renew()
    except PytestEuiccError as error:
        harness.session.lost = str(error)
        return False
    harness.session, harness.description, harness.lease = other.session, other.description, other.lease
    return True


def host_of(spec: Any) -> str:
    """The machine of a worker by its execnet specification (``--tx``), as the pool file names it; empty: this one."""
    return str(spec.ssh or spec.socket or "")


def check_workers(pool: Pool, specs: Iterable[Any]) -> None:
    """Every worker can have a card, and every product a worker.

    Args:
        specs: execnet specifications of the workers.

    Raises:
        OptionError: it is not so.
    """
    workers = Counter(host_of(spec) for spec in specs)
    for host, count in workers.items():
        there, where = pool.cards_on(host), f"on {host}" if host else "on this host"
        if count > there:
            raise OptionError(
                f"{count} workers {where}, but {pool.file} has {there} cards there: start as many workers as there are "
                "cards (-n auto does), or add the cards"
            )
    for product in pool.products:
        if not any(product.on(host) for host in workers):
            raise OptionError(f"{pool.file}: no worker runs where a card of {product.name} is: {_hosts(product.cards)}")


def _hosts(places: Sequence[Any]) -> str:
    return ", ".join(sorted({place.host or "this host" for place in places}))
