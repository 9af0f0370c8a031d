"""State of the orders in an SQLite file, so that a server that starts again goes on where it was."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.simulator.smdp.orders.metadata import Octets
from pytest_euicc.simulator.smdp.orders.orders import Order, OrderBook, State

_BUSY_SECONDS = 1.0


class StoreError(PytestEuiccError):
    """A store cannot be used; the message names the file and how to fix it."""


class _Row(BaseModel):
    """What is kept of an order, octets in hex."""

    state: State
    matching_id: str
    eid: Octets | None
    confirmation_hash: Octets | None
    expires: AwareDatetime | None
    attempts: int = Field(ge=0)
    confirmation_failures: int = Field(ge=0)
    retries: bool = False
    downloads: dict[str, Octets]
    notifications: list[Octets]


class Store:
    """A file with what changes of each order. Sessions and packages already bound are not in it.

    It is locked as long as it is open: two servers with one store would hand out one profile twice.

    Raises:
        StoreError: the file cannot be opened, is none of this kind, or is another server's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Opened by whoever starts the server, used by the thread of the server alone.
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise StoreError(f"{path}: the store cannot be opened ({error}); name another file") from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                reported = "the store is in use; end the other server, or give this one a store of its own"
                raise StoreError(f"{path}: {reported}") from None
            raise StoreError(f"{path}: no store of an SM-DP+ ({error}); name another file") from None

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        execute("CREATE TABLE IF NOT EXISTS orders (iccid TEXT PRIMARY KEY, state TEXT NOT NULL)")
        # The lock comes with the first change, and stays.
        execute("BEGIN IMMEDIATE")
        execute("COMMIT")

    def attach(self, book: OrderBook) -> None:
        """Put the orders in the state they are in here, then keep every change.

        Raises:
            StoreError: what is stored cannot be read, or two orders would have one matchingId; the file is closed.
        """
        try:
            self._restore_all(book)
        except StoreError:
            self.close()
            raise
        book.listeners.append(self._save)

    def _restore_all(self, book: OrderBook) -> None:
        try:
            rows = self._connection.execute("SELECT iccid, state FROM orders").fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: what is stored cannot be read ({error}); name another file") from None
        for iccid, text in rows:
            try:
                order = book.by_iccid(bytes.fromhex(iccid))
                if order is not None:
                    _restore(order, _Row.model_validate_json(text))
                    book.add(order)
            except (ValueError, TypeError) as error:
                reported = _first(error) if isinstance(error, ValidationError) else str(error)
                raise StoreError(
                    f"{self._path}: the order of ICCID {iccid} cannot be read ({reported}); delete its row, or name "
                    "another file"
                ) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _save(self, order: Order) -> None:
        row = (order.profile.iccid.hex(), json.dumps(_state(order)))
        try:
            self._connection.execute("INSERT OR REPLACE INTO orders VALUES (?, ?)", row)
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: the order of ICCID {row[0]} cannot be stored ({error})") from None


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}".removeprefix(": ")


def _state(order: Order) -> dict[str, Any]:
    return {
        "state": str(order.state),
        "matching_id": order.matching_id,
        "eid": order.eid.hex() if order.eid else None,
        "confirmation_hash": order.confirmation_hash.hex() if order.confirmation_hash else None,
        "expires": order.expires.isoformat() if order.expires else None,
        "attempts": order.attempts,
        "confirmation_failures": order.confirmation_failures,
        "retries": order.retries,
        "downloads": {key.hex(): certificate.hex() for key, certificate in order.downloads.items()},
        "notifications": [octets.hex() for octets in order.notifications],
    }


def _restore(order: Order, row: _Row) -> None:
    order.downloads = {bytes.fromhex(key): octets for key, octets in row.downloads.items()}
    order.state, order.matching_id, order.eid = row.state, row.matching_id, row.eid
    order.confirmation_hash, order.expires = row.confirmation_hash, row.expires
    order.attempts, order.confirmation_failures = row.attempts, row.confirmation_failures
    order.retries, order.notifications = row.retries, list(row.notifications)
