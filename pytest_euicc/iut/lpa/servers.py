"""The simulated SM-DP+ of the bench: one for each address, made anew for each sequence."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish
from pytest_euicc.iut.smdp.entries import entry
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.iccid import new_iccid
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.service import SmdpService

_FILLER = 700
_NETWORK = "00F110"


class BenchServer:
    """An SM-DP+ without a listener.

    Args:
        number: of the servers of a sequence, from 0; further ones have matchingIds of their own.
        chance: where identifiers and ICCIDs come from.
    """

    def __init__(self, address: str, pki: Pki, number: int, chance: random.Random) -> None:
        self.address = address
        self._number = number
        self._chance = chance
        self._offered = 0
        self.oid = pki.server(Role.DP_AUTH, pki.curves[0]).certificate.oid or ""
        self.service = SmdpService(
            Inventory(addresses=(address, f"other.{address}"), curves=pki.curves), [], pki, random=chance.randbytes
        )

    def call(self, name: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Carry out a function of ES9+ (see Web)."""
        function = name.partition(".")[2]
        return self.service.call(function[:1].lower() + function[1:], body)

    def deviate(self, defects: Sequence[str], variants: Sequence[str]) -> None:
        """Have these defects and permitted variants, and no others."""
        self.service.defects, self.service.variants = frozenset(defects), frozenset(variants)

    def offer(self, wish: OrderWish) -> HeldOrder:
        """Hold a profile."""
        self._offered += 1
        default = f"OFFER-{self._number}-{self._offered}"
        matching_id = default if wish.matching_id is None else wish.matching_id
        made = entry(wish, matching_id, self.address)
        package = wish.package
        if package is None:
            package = self._package(wish)
        (held,) = Inventory.model_validate({"profiles": [made | {"octets": package}]}).orders(Path())
        self.service.book.add(held)
        profile = held.profile
        return HeldOrder(held.matching_id, wish.confirmation_code, profile.iccid, profile.metadata, profile.package)

    def _package(self, wish: OrderWish) -> bytes:
        """A profile whose IMSI and group identifiers are those of its owner, as far as there is one."""
        owner = wish.metadata.get("owner") or {"mcc_mnc": _NETWORK}
        imsi = f"{profile_package.network_digits(bytes.fromhex(owner['mcc_mnc']))}0123456789"[:15]
        gids = {name: bytes.fromhex(owner[name]) for name in ("gid1", "gid2") if owner.get(name)}
        return _package(new_iccid(self._chance), imsi, tuple(gids.items()), max(_FILLER, wish.octets))

    def state(self) -> dict[str, Any]:
        """Orders with their states, and the notifications that were taken."""
        orders = [order for order in self.service.book if order.matching_id or order.eid]
        return {
            "orders": [
                {"matchingId": order.matching_id, "state": order.state.value, "iccid": order.profile.iccid}
                for order in orders
            ],
            "notifications": [
                {"event": _event(octets), "iccid": order.profile.iccid}
                for order in orders
                for octets in order.notifications
            ],
        }


@lru_cache(maxsize=1024)
def _package(iccid: bytes, imsi: str, gids: tuple[tuple[str, bytes], ...], filler: int) -> bytes:
    """A profile package; the same sequence asks for the same one whenever it runs."""
    return profile_package.build(iccid, imsi=imsi, gids=dict(gids), filler=filler)


def _event(octets: bytes) -> str:
    value = codec.decode("PendingNotification", octets)[1]
    if "tbsOtherNotification" not in value:
        return "result"
    bits, size = value["tbsOtherNotification"]["profileManagementOperation"]
    names = ("install", "enable", "disable", "delete")
    return next((name for bit, name in enumerate(names[:size]) if bits[0] >> (7 - bit) & 1), "unknown")
