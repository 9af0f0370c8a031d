"""The inventory of a declaration, and which of its profiles have been used."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_euicc.conformance.files.inventory import HeldProfile, matching
from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.iut.smdp.claims import Claims


class Stock:
    """The profiles of an inventory: each for one sequence; a reusable one for every sequence, once in each.

    Args:
        claims: shared by workers.
    """

    def __init__(self, profiles: Sequence[HeldProfile], claims: Claims) -> None:
        self._profiles = profiles
        self._claims = claims
        self._given: set[int] = set()

    def begin(self) -> None:
        """The next sequence starts."""
        self._given.clear()

    def is_ambiguous(self, wish: OrderWish) -> bool:
        """Whether the server may choose among several profiles because they have no matchingId."""
        return wish.by_eid and sum(not profile.matching_id for profile in self._profiles) > 1

    def take(self, wish: OrderWish) -> HeldProfile | None:
        """A profile for a wish, a different one for each wish of a sequence; None if there is none."""
        found = matching(self._profiles, wish)
        reusable = [place for place in found if self._profiles[place].reusable]
        place = next((place for place in reusable if place not in self._given), None)
        if place is None:
            place = self._claims.take([place for place in found if place not in reusable])
        if place is None:
            return None
        self._given.add(place)
        return self._profiles[place]
