"""Profiles that states need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProfileWish:
    """The profile that a state needs and the card does not have.

    ``ppr`` names Profile Policy Rules (``ppr1``, ``ppr2``), None = any; ``notify`` the events for which notifications
    are to be configured; ``addresses`` to how many addresses each of them (or of all events) goes, None = any.
    """

    profile_class: str = "operational"
    ppr: frozenset[str] | None = None
    icon: bool | None = None
    notify: frozenset[str] = frozenset()
    addresses: int | None = None
