"""A card between an LPA and the eUICC of the bench: records every APDU and follows the script."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.apdu import ApduError, CommandApdu, channel_of, cla_on_channel
from pytest_euicc.conformance.values.resolve import merge
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import AbsentField, tamper
from pytest_euicc.peers.lpa.functions import CARD, card_function
from pytest_euicc.peers.lpa.record import Apdu, Call, Record
from pytest_euicc.peers.lpa.script import Rule, Script

_SELECT, _MANAGE_CHANNEL, _STORE_DATA, _GET_RESPONSE, _TERMINAL_CAPABILITY = 0xA4, 0x70, 0xE2, 0xC0, 0xAA
_NAMES = {_SELECT: "SELECT", _MANAGE_CHANNEL: "MANAGE CHANNEL", _TERMINAL_CAPABILITY: "TERMINAL CAPABILITY"}
_NAMES |= {0x10: "TERMINAL PROFILE", 0x12: "FETCH", 0x14: "TERMINAL RESPONSE", 0xF2: "STATUS"}
_NAMES |= {0xB0: "READ BINARY", 0xB2: "READ RECORD"}
_USIM = bytes.fromhex("A0000000871002")
"""The beginning of the AID of every USIM (ETSI TS 101 220 annex E)."""
_LAST = 0x91
_PORTION = 256


class SoftwareCard(Protocol):
    """A card without a reader."""

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR."""

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command APDU with data and SW1 SW2."""


@dataclass
class _Chain:
    """Blocks of STORE DATA on one channel, and the answer as far as it was fetched."""

    request: bytes = b""
    apdus: list[Apdu] = field(default_factory=list)
    began: float = 0.0
    answer: bytes = b""
    complete: bool = False
    rule: Rule | None = None


@dataclass
class _Channel:
    chain: _Chain | None = None
    waiting: bytes | None = None
    after: bytes = b"\x90\x00"


class BenchCard:
    """The eUICC as an LPA meets it; `reset` and `transmit` are its contacts.

    Attributes:
        open_channels: numbers of the logical channels that are open besides the basic one.
        present: False while the card has no power: nothing is answered until the next reset.
        occupied: after every reset another application of the device opens a channel, and selects what it uses there.
    """

    def __init__(self, card: SoftwareCard, record: Record, script: Script) -> None:
        self.card = card
        self.open_channels: set[int] = set()
        self.present = True
        self.occupied = False
        self._record = record
        self._script = script
        self._channels: dict[int, _Channel] = {}
        self._waits: Callable[[float], None] = record.clock.skip

    def wait_with(self, waits: Callable[[float], None]) -> None:
        """How a delay is spent: waited for, or pretended."""
        self._waits = waits

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR."""
        self._finish_all()
        now = self._record.clock.now()
        atr = self.card.reset()
        self.present = True
        self.open_channels.clear()
        self._channels.clear()
        self._record.add(Call("RESET", "card", now, self._record.clock.now(), answer=atr))
        self._occupy()
        return atr

    def _occupy(self) -> None:
        if not self.occupied:
            return
        opened = self.card.transmit(bytes.fromhex("0070000001"))
        if opened[-2:] == b"\x90\x00":
            self.card.transmit(bytes([cla_on_channel(0x00, opened[0]), 0xA4, 0x04, 0x0C, len(_USIM)]) + _USIM)
            now = self._record.clock.now()
            self._record.add(Call("CHANNEL TAKEN", "card", now, now, value={"channel": opened[0]}))

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command; nothing while there is no power."""
        if not self.present:
            return b""
        began = self._record.clock.now()
        try:
            command = CommandApdu.parse(apdu)
        except ApduError:
            answer = self.card.transmit(apdu)
            self._note(apdu, answer, began)
            self._record.add(
                Call("APDU", "card", began, self._record.clock.now(), apdu, answer[:-2], answer[-2:].hex().upper())
            )
            return answer
        number = channel_of(command.cla)
        channel = self._channels.get(number)
        if channel is None:
            channel = self._channels[number] = _Channel()
        if command.ins == _GET_RESPONSE:
            return self._get_response(channel, command, apdu, began)
        self._finish(channel)
        if command.ins == _STORE_DATA:
            return self._store_data(channel, command, apdu, began)
        return self._other(channel, command, apdu, began)

    # ------------------------------------------------------------------ single commands

    def _other(self, channel: _Channel, command: CommandApdu, apdu: bytes, began: float) -> bytes:
        name = _NAMES.get(command.ins, f"INS {command.ins:02X}")
        channel.waiting = None
        rule = self._script.of(name)
        answer = self._answered(apdu, rule)
        self._note(apdu, answer, began)
        status = answer[-2:].hex().upper()
        if command.ins == _MANAGE_CHANNEL and status == "9000":
            self._managed(command, answer)
        value: dict[str, Any] = {"aid": command.data} if command.ins == _SELECT and command.p1 == 0x04 else {}
        if command.ins == _TERMINAL_CAPABILITY:
            value["capabilities"] = _capabilities(command.data)
        number = channel_of(command.cla)
        self._record.add(
            Call(
                name,
                "card",
                began,
                self._record.clock.now(),
                command.data,
                answer[:-2],
                status,
                (Apdu(apdu, answer, began),),
                value={"channel": number, "p1": command.p1, "p2": command.p2, "data": command.data, **value},
            )
        )
        self._script.after(rule)
        return answer

    def _answered(self, apdu: bytes, rule: Rule | None) -> bytes:
        if rule is None:
            return self.card.transmit(apdu)
        if rule.delay:
            self._waits(rule.delay)
        if rule.power_cut == "before":
            return self.lose_power()
        if rule.sw is not None:
            return (rule.octets or b"") + rule.sw
        answer = self.card.transmit(apdu) if rule.octets is None else rule.octets + b"\x90\x00"
        return self.lose_power() if rule.power_cut == "after" else answer

    def lose_power(self) -> bytes:
        """The contacts are without power until the next reset; returns what is answered then, nothing."""
        self.present = False
        self.open_channels.clear()
        self.card.reset()
        return b""

    def reset_by_modem(self) -> None:
        """The modem resets the card: every channel is closed, and the LPA does not know it yet."""
        self._finish_all()
        now = self._record.clock.now()
        self.card.reset()
        self.open_channels.clear()
        self._channels.clear()
        self._record.add(Call("CARD RESET", "card", now, self._record.clock.now()))
        self._occupy()

    def _managed(self, command: CommandApdu, answer: bytes) -> None:
        if command.p1 == 0x80:
            self.open_channels.discard(command.p2)
            self._channels.pop(command.p2, None)
        else:
            self.open_channels.add(command.p2 or (answer[0] if len(answer) > 2 else 0))

    # ------------------------------------------------------------------ STORE DATA

    def _store_data(self, channel: _Channel, command: CommandApdu, apdu: bytes, began: float) -> bytes:
        chain = channel.chain
        if chain is None or chain.complete or command.p2 == 0:
            self._give_up(channel)
            chain = channel.chain = _Chain(began=began)
        number, last = len(chain.apdus), command.p1 == _LAST
        chain.request += command.data
        name = card_function(chain.request)
        rule = self._script.of(name, block=(number, last)) or (self._script.of(name) if last else None)
        channel.waiting, chain.rule = None, rule
        answer = self._block(name, channel, apdu, rule)
        if number and rule is not None and rule.replaces:
            # The card waits for the block that it did not get: one out of order ends its chain (SGP.22 5.7.2).
            self.card.transmit(bytes([command.cla, _STORE_DATA, 0x11, 0xFF, 0x01, 0x00]))
        chain.apdus.append(self._note(apdu, answer, began))
        if last or answer[-2:-1] not in (b"\x90", b"\x91"):
            self._collect(channel, chain, answer, name)
        return answer

    def _block(self, name: str, channel: _Channel, apdu: bytes, rule: Rule | None) -> bytes:
        if rule is None:
            return self.card.transmit(apdu)
        if rule.delay:
            self._waits(rule.delay)
        if rule.power_cut == "before":
            return self.lose_power()
        if rule.sw is not None and rule.octets is None:
            return rule.sw
        function = CARD.get(name)
        if rule.octets is not None:
            octets, status = rule.octets, rule.sw or b"\x90\x00"
        elif rule.value is not None and function is not None:
            octets = codec.encode(function.response, merge(None, rule.value, asn1_shape(function.response)))
            status = b"\x90\x00"
        else:
            octets, status = self._whole(apdu)
        if function is not None and octets:
            if rule.with_ is not None:
                value = codec.decode(function.response, octets)
                octets = codec.encode(function.response, merge(value, rule.with_, asn1_shape(function.response)))
            if isinstance(rule.tamper, list) and rule.tamper:
                # What the LPA did not ask for, such as a tag of a list, cannot be changed.
                with suppress(AbsentField):
                    octets = tamper(octets, rule.tamper, function.response)
        if rule.power_cut == "after":
            return self.lose_power()
        return self._hand_over(channel, octets, status)

    def _whole(self, apdu: bytes) -> tuple[bytes, bytes]:
        """The card's whole answer, GET RESPONSE included, and its last status word."""
        answer = self.card.transmit(apdu)
        data = answer[:-2]
        while answer[-2:-1] == b"\x61":
            answer = self.card.transmit(bytes([cla_on_channel(0x00, channel_of(apdu[0])), 0xC0, 0, 0, answer[-1]]))
            data += answer[:-2]
        return data, answer[-2:]

    def _hand_over(self, channel: _Channel, octets: bytes, status: bytes) -> bytes:
        """An answer of the script's making is announced with 61xx, as a card on T=0 does."""
        if not octets:
            return status
        channel.waiting, channel.after = octets, status
        return self._announced(octets)

    @staticmethod
    def _announced(octets: bytes) -> bytes:
        return bytes([0x61, len(octets) if len(octets) < _PORTION else 0])

    def _get_response(self, channel: _Channel, command: CommandApdu, apdu: bytes, began: float) -> bytes:
        rule = self._script.of("GET RESPONSE")
        if rule is not None:
            answer = self._answered(apdu, rule)
        elif channel.waiting is not None:
            size = min(command.le or _PORTION, _PORTION)
            data, channel.waiting = channel.waiting[:size], channel.waiting[size:] or None
            answer = data + (channel.after if channel.waiting is None else self._announced(channel.waiting))
        else:
            answer = self.card.transmit(apdu)
        noted = self._note(apdu, answer, began)
        chain = channel.chain
        if chain is not None and not chain.complete and chain.apdus:
            chain.apdus.append(noted)
            self._collect(channel, chain, answer, card_function(chain.request))
        return answer

    def _collect(self, channel: _Channel, chain: _Chain, answer: bytes, name: str) -> None:
        """Take a part of the answer; the call is recorded once there is no more."""
        chain.answer += answer[:-2]
        if answer[-2:-1] in (b"\x61", b"\x6c"):
            return
        self._add(channel, chain, answer[-2:].hex().upper() or "mute", name)

    def _add(self, channel: _Channel, chain: _Chain, status: str, name: str) -> None:
        chain.complete = True
        channel.chain = None
        self._record.add(
            Call(
                name,
                "card",
                chain.began,
                self._record.clock.now(),
                chain.request,
                chain.answer,
                status,
                tuple(chain.apdus),
                value={"channel": channel_of(chain.apdus[0].command[0])},
            )
        )
        self._script.after(chain.rule)

    def _finish(self, channel: _Channel) -> None:
        """Another command comes: an answer that was announced is not fetched any more."""
        chain = channel.chain
        if chain is not None and chain.apdus and chain.apdus[-1].answer[-2:-1] in (b"\x61", b"\x6c"):
            self._add(channel, chain, chain.apdus[-1].answer[-2:].hex().upper(), card_function(chain.request))

    def _give_up(self, channel: _Channel) -> None:
        """A chain begins anew: what came of the one before is recorded as it stands."""
        chain = channel.chain
        if chain is not None and chain.apdus:
            self._add(channel, chain, "not finished", card_function(chain.request))

    def _finish_all(self) -> None:
        for channel in self._channels.values():
            self._finish(channel)
            self._give_up(channel)

    def end(self) -> None:
        """The sequence is over: what is not finished is recorded as it stands."""
        self._finish_all()

    def _note(self, apdu: bytes, answer: bytes, began: float) -> Apdu:
        noted = Apdu(apdu, answer, began)
        self._record.apdus.append(noted)
        return noted


def _capabilities(data: bytes) -> dict[str, bytes]:
    """The objects in the template of TERMINAL CAPABILITY by their tags in hex; empty where it is none.

    ETSI TS 102 221 11.1.19: one A9 with objects in any order.
    """
    with suppress(tlv.TlvError):
        template = tlv.parse(data)
        if template.tag == 0xA9:
            return {f"{each.tag:02X}": each.value for each in template.children()}
    return {}
