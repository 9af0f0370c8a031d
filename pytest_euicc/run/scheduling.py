"""With pytest-xdist, several products in one run: which worker gets the tests of which product.

A worker has one card at a time. It gets tests of one product as long as there are any, then of another one that has a
card which no worker uses; tests that need no card (of an SM-DP+) go to any worker, last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_euicc.run.cards import host_of, product_of

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from pytest_euicc.lab.pool import Pool

_ANY = ""
"""In place of a product: a test that needs none."""
_AHEAD = 2
"""Tests that a worker must have: it begins one when it knows the next."""


class ProductScheduling:
    """A scheduler of pytest-xdist (its protocol ``Scheduling``).

    Args:
        workers: how many there are at the start.
    """

    def __init__(self, pool: Pool, workers: int) -> None:
        self._pool = pool
        self._workers = workers
        self._collection: list[str] = []
        self._collected: set[WorkerController] = set()
        self._pending: dict[WorkerController, list[int]] = {}
        self._product: dict[WorkerController, str] = {}
        self._queues: dict[str, deque[int]] = {}

    @property
    def nodes(self) -> list[WorkerController]:
        """Workers that take part."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether every worker has said which tests there are."""
        return len(self._collected) >= self._workers

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left but the last test of each worker."""
        if not self.collection_is_completed or any(self._queues.values()):
            return False
        return all(len(pending) < _AHEAD for pending in self._pending.values())

    @property
    def has_pending(self) -> bool:
        """Whether any test is left."""
        return any(self._queues.values()) or any(self._pending.values())

    def add_node(self, node: WorkerController) -> None:
        """A worker is there, from the beginning or in place of one that died."""
        self._pending[node] = []

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected its tests.

        Raises:
            RuntimeError: they are others than those of the first worker.
        """
        if not self._collected:
            self._collection = list(collection)
            for index, nodeid in enumerate(collection):
                self._queues.setdefault(product_of(nodeid), deque()).append(index)
        elif list(collection) != self._collection:
            raise RuntimeError(f"worker {node.gateway.id} has collected other tests than the first worker")
        self._collected.add(node)

    def schedule(self) -> None:
        """Give every worker something to do; called again when one was added."""
        for node in self.nodes:
            self._supply(node)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:  # noqa: ARG002
        """A worker has finished a test."""
        self._pending[node].remove(item_index)
        self._supply(node)

    def mark_test_pending(self, item: str) -> None:
        """A test is to run again."""
        self._queues.setdefault(product_of(item), deque()).appendleft(self._collection.index(item))
        self.schedule()

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """Only for schedulers that steal."""
        raise NotImplementedError

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker is gone; returns the test during which it died, and gives the others back."""
        pending = self._pending.pop(node)
        self._product.pop(node, None)
        if not pending:
            return None
        for index in reversed(pending[1:]):
            self._queues.setdefault(product_of(self._collection[index]), deque()).appendleft(index)
        self.schedule()
        return self._collection[pending[0]]

    def _supply(self, node: WorkerController) -> None:
        """Fill a worker up; one for which nothing is left ends after what it has."""
        if node.shutting_down:
            return
        while len(self._pending[node]) < _AHEAD:
            product = self._choose(node)
            if product is None:
                node.shutdown()
                return
            if product != _ANY:
                self._product[node] = product
            self._send(node, product)

    def _choose(self, node: WorkerController) -> str | None:
        """The product whose tests a worker gets: its own, else that with the most tests left for each worker."""
        own = self._product.get(node)
        if own is not None and self._queues.get(own):
            return own
        host = host_of(node.gateway.spec)
        shares: dict[str, float] = {}
        for product in self._pool.products:
            left, holders = len(self._queues.get(product.name, ())), self._holders(product.name, host, node)
            if left and holders < len(product.on(host)):
                shares[product.name] = left / (1 + self._holders(product.name, None, node))
        if shares:
            return max(shares, key=lambda name: shares[name])
        return _ANY if self._queues.get(_ANY) else None

    def _holders(self, product: str, host: str | None, besides: WorkerController) -> int:
        """Workers that have a card of a product, on one host or anywhere."""
        return sum(
            held == product and node is not besides and host in (None, host_of(node.gateway.spec))
            for node, held in self._product.items()
        )

    def _send(self, node: WorkerController, product: str) -> None:
        """A piece of a product's tests in their order; smaller towards the end, so that workers end together."""
        queue = self._queues[product]
        sharing = 1 + (self._holders(product, None, node) if product != _ANY else len(self._pending) - 1)
        size = max(_AHEAD, len(queue) // sharing // 4)
        indices = [queue.popleft() for _ in range(min(size, len(queue)))]
        self._pending[node] += indices
        node.send_runtest_some(indices)
