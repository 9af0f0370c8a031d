"""What is known of a card from what was sent to it: what it holds, and that its ISD-R is ready for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_euicc.card.apdu import channel_of
from pytest_euicc.card.channel import Card, LogicalChannel
from pytest_euicc.card.exchange import Exchange
from pytest_euicc.es10.changes import Part, Touched
from pytest_euicc.es10.functions import FUNCTIONS

_STORE_DATA, _GET_RESPONSE = 0xE2, 0xC0
_LAST_BLOCK = 0x91
_READING = {function.name for function in FUNCTIONS.values() if not function.changes} - {
    # Functions of an RSP session, which goes on after them (SGP.22 5.7.5, 5.7.7, 5.7.13, 5.7.14).
    *("get_euicc_challenge", "authenticate_server", "prepare_download", "cancel_session"),
}
_AS_BEFORE = _READING | {
    *("remove_notification_from_list", "set_nickname", "set_default_dp_address", "delete_profile"),
}
"""Functions after which the ISD-R is as it was before: what device and LPA see of the card is no other."""
_FIELDS: dict[Part, tuple[str, ...]] = {
    "profiles": ("profiles", "assumed"),
    "metadata": ("metadata",),
    "nicknames": ("nicknames",),
    "notifications": ("notifications",),
    "address": ("address",),
}
"""What of `Holding` depends on which part."""
_SWITCHING = {"enable_profile", "disable_profile"}


@dataclass
class Holding:
    """What the card holds, each part None where it has to be read.

    Attributes:
        profiles: ICCID and state of each profile, perhaps more.
        assumed: the profiles are what the results of clean-up's own functions say, not what the card listed.
        metadata: ProfileInfo with every tag, by ICCID; its state and nickname may be older than those here.
        nicknames: of the profiles that have one, by ICCID.
        notifications: NotificationMetadata of each pending notification.
        address: the default SM-DP+ address, empty where there is none.
    """

    profiles: list[dict[str, Any]] | None = None
    assumed: bool | None = None
    metadata: dict[bytes, dict[str, Any]] | None = None
    nicknames: dict[bytes, str] | None = None
    notifications: list[dict[str, Any]] | None = None
    address: str | None = None


class Knowledge:
    """Follows the commands to one card. What a command may have changed is not known any more."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._taken = card.taken
        self._holding = Holding()
        self._before: dict[str, Any] = {}
        self._touched = Touched()
        self._channel: LogicalChannel | None = None
        self._as_started = False
        card.listeners.append(self._exchanged)

    @property
    def holding(self) -> Holding:
        """What was read and holds still; what is read is noted here."""
        self._compare()
        return self._holding

    def _compare(self) -> None:
        """A card that was out of its reader may have been changed there, or is another one."""
        if self._taken != self.card.taken:
            self._taken = self.card.taken
            self.forget()

    def forget(self) -> None:
        """Nothing is known: the card was changed in another way than by commands, or a part of a run begins."""
        self._holding, self._before = Holding(), {}
        self.isdr_lost()

    def unknown(self) -> None:
        """Whatever the card holds may have changed."""
        self._compare()
        for part in _FIELDS:
            self._changed(part)

    def _changed(self, part: Part) -> None:
        held = vars(self._holding)
        for name in _FIELDS[part]:
            self._before.setdefault(name, held[name])
            held[name] = None

    def kept(self) -> None:
        """A snapshot of the card was taken, to be restored as a whole."""
        self._before = {}

    def restored(self) -> None:
        """The card was restored as a whole; what was read of it before anything changed is valid again."""
        for name, value in self._before.items():
            setattr(self.holding, name, value)
        self._before = {}
        self.isdr_lost()

    def isdr_lost(self) -> None:
        """The next that needs the ISD-R resets the card."""
        self._channel, self._as_started = None, False

    def isdr_selected(self, channel: LogicalChannel) -> None:
        """The card was reset and started, and then the ISD-R selected on this channel, and nothing else."""
        self._compare()
        self._channel, self._as_started = channel, True

    @property
    def usable(self) -> LogicalChannel | None:
        """The channel of the ISD-R, if it can be relied on to clean up: no step has done anything odd since."""
        self._compare()
        channel = self._channel
        return channel if channel is not None and channel.is_open and self.card.channels == (channel,) else None

    @property
    def as_started(self) -> LogicalChannel | None:
        """The channel of the ISD-R, if the card is as it is after a reset, the start and the selection."""
        return self.usable if self._as_started else None

    def _exchanged(self, exchange: Exchange) -> None:
        """One command: what it may have changed, by what it is alone, not by its answer."""
        if not exchange.response:
            self.forget()
            return
        if parts := self._touched.by(exchange.command):
            self._compare()
            for part in parts:
                self._changed(part)
        if self._channel is not None:
            self._follow(exchange, self._channel)

    def _follow(self, exchange: Exchange, channel: LogicalChannel) -> None:
        command, sw = exchange.command, exchange.response[-2:]
        alright = sw == b"\x90\x00" or sw[0] in (0x61, 0x6C)
        if len(command) < 5 or channel_of(command[0]) != channel.number or not alright:
            self.isdr_lost()
        elif command[1] == _STORE_DATA and command[2:4] == bytes([_LAST_BLOCK, 0]):
            name = _NAMES.get(int.from_bytes(command[5:7]))
            if name not in _AS_BEFORE:
                self._as_started = False
                if name not in _SWITCHING:
                    self.isdr_lost()
        elif command[1] != _GET_RESPONSE:
            self.isdr_lost()


_NAMES = {function.tag: function.name for function in FUNCTIONS.values()}
