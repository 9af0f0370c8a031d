"""State of the orders in an SQLite file, so that a server that starts again goes on where it was."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.simulator.smdp.orders.orders import Order, OrderBook, State


class StoreError(PytestEuiccError):
    """A store cannot be used; the message names the file and the mend."""


class Store:
    """A file with what changes of each order. Sessions and packages already bound are not in it.

    Raises:
        StoreError: the file cannot be opened or is none of this kind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Opened by whoever starts the server, used by the thread of the server alone.
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute("CREATE TABLE IF NOT EXISTS orders (iccid TEXT PRIMARY KEY, state TEXT NOT NULL)")
        except sqlite3.Error as error:
            raise StoreError(f"{path}: no store of an SM-DP+ ({error}); name another file") from None

    def attach(self, book: OrderBook) -> None:
        """Put the orders in the state they are in here, then keep every change.

        Raises:
            StoreError: what is stored cannot be read, or two orders would have one matchingId.
        """
        try:
            for iccid, text in self._connection.execute("SELECT iccid, state FROM orders").fetchall():
                order = book.by_iccid(bytes.fromhex(iccid))
                if order is not None:
                    _restore(order, json.loads(text))
                    book.add(order)
        except (sqlite3.Error, ValueError, KeyError) as error:
            raise StoreError(f"{self._path}: what is stored cannot be used ({error}); name another file") from None
        book.listeners.append(self._save)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _save(self, order: Order) -> None:
        row = (order.profile.iccid.hex(), json.dumps(_state(order)))
        self._connection.execute("INSERT OR REPLACE INTO orders VALUES (?, ?)", row)


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


def _restore(order: Order, state: dict[str, Any]) -> None:
    order.state = State(state["state"])
    order.matching_id = state["matching_id"]
    order.eid = bytes.fromhex(state["eid"]) if state["eid"] else None
    order.confirmation_hash = bytes.fromhex(state["confirmation_hash"]) if state["confirmation_hash"] else None
    order.expires = datetime.fromisoformat(state["expires"]) if state["expires"] else None
    order.attempts = state["attempts"]
    order.confirmation_failures = state["confirmation_failures"]
    order.retries = state.get("retries", False)
    order.downloads = {bytes.fromhex(key): bytes.fromhex(octets) for key, octets in state["downloads"].items()}
    order.notifications = [bytes.fromhex(octets) for octets in state["notifications"]]
