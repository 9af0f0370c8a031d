"""A card and its logical channels: the one place that follows 91xx and that chains STORE DATA."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from pytest_euicc.card import proactive
from pytest_euicc.card.apdu import ApduError, CommandApdu, ResponseApdu
from pytest_euicc.card.errors import ByTheDevice, MalformedAnswer
from pytest_euicc.card.exchange import Exchange, UnexpectedStatus
from pytest_euicc.card.following import follow
from pytest_euicc.card.limits import Limits
from pytest_euicc.card.proactive import ProactiveCommand
from pytest_euicc.card.transport import Device, RemovableTransport, Transport, device_of

BLOCK = 255
"""Octets of one STORE DATA block (SGP.22 5.7.2)."""

# ETSI TS 102 221 11.1.19: tag 83 holds the eUICC-related capabilities: LUId, LPDd and LDSd, so an LPA in the device.
TERMINAL_CAPABILITY = bytes.fromhex("A903830107")

# ETSI TS 102 223 5.2: profile download, SMS-PP data download; MORE TIME, POLL INTERVAL, POLLING OFF, REFRESH and
# SEND SHORT MESSAGE: what `proactive.answer` does.
TERMINAL_PROFILE = bytes.fromhex("1300E802")

_MF = bytes.fromhex("3F00")
_MAX_PROACTIVE = 50
_BLOCKS = 256


class Start(NamedTuple):
    """What the card answered while it was started; None for what a device (a modem) had sent before."""

    mf: ResponseApdu
    terminal_capability: ResponseApdu | None
    terminal_profile: ResponseApdu | None


class Card:
    """A card on a transport. Raises `CardError` if no card can be reached; error status words are answers.

    Args:
        patience: seconds for one command with everything that the card announces for it.
    """

    def __init__(self, transport: Transport, *, patience: float = 300.0) -> None:
        self.transport = transport
        self.limits = Limits(patience)
        self.listeners: list[Callable[[Exchange], None]] = []
        self.guard: Callable[[bytes], None] | None = None
        """Asked before every command; what it raises keeps the command from the card."""
        self.handler: proactive.Handler = proactive.answer
        self.fetched: list[ProactiveCommand] = []
        """Every proactive command since `take_fetched`, in order."""
        self.held: ResponseApdu | None = None
        """While `hold_proactive` is in force: the last response that announced a proactive command."""
        self._holds = False
        self.taken = 0
        """How often a card was taken up: it may be another one each time."""
        self.basic = LogicalChannel(self, 0)
        self._channels: list[LogicalChannel] = []
        self._terminal = (TERMINAL_CAPABILITY, TERMINAL_PROFILE)

    @property
    def description(self) -> str:
        """The transport, for people."""
        return self.transport.description

    @property
    def atr(self) -> bytes:
        """The answer to the last reset."""
        return self.transport.atr

    @property
    def protocol(self) -> str:
        """``T=0`` or ``T=1``."""
        return self.transport.protocol

    @property
    def channels(self) -> tuple[LogicalChannel, ...]:
        """The open logical channels besides the basic one."""
        return tuple(self._channels)

    def connect(self) -> bytes:
        """Power up; returns the ATR."""
        self.taken += 1
        self.transport.connect()
        return self.transport.atr

    def close(self) -> None:
        """Release the card."""
        self._forget_channels()
        self.transport.close()

    def reset(self) -> bytes:
        """Reset the card, which closes every logical channel; returns the ATR."""
        self._forget_channels()
        return self.transport.reset()

    def retake(self) -> bytes:
        """Take the card that is there now, after the one before was gone; returns its ATR. Raises `CardError`."""
        self._forget_channels()
        self.taken += 1
        if isinstance(self.transport, RemovableTransport):
            return self.transport.retake()
        self.transport.close()
        self.transport.connect()
        return self.transport.atr

    def start(
        self, terminal_capability: bytes = TERMINAL_CAPABILITY, terminal_profile: bytes = TERMINAL_PROFILE
    ) -> Start:
        """What a device does after a reset: SELECT MF, TERMINAL CAPABILITY, TERMINAL PROFILE.

        Cards that refuse one of them are left to say so in the result; nothing is raised.
        """
        # ETSI TS 102 221 11.1.1.2: P2 04 asks for the FCP template.
        mf = self.basic.send(CommandApdu(0x00, 0xA4, 0x00, 0x04, _MF, 256), fetch=False)
        return Start(mf, *self.announce_terminal(terminal_capability, terminal_profile))

    def announce_terminal(
        self, terminal_capability: bytes = TERMINAL_CAPABILITY, terminal_profile: bytes = TERMINAL_PROFILE
    ) -> tuple[ResponseApdu | None, ResponseApdu | None]:
        """TERMINAL CAPABILITY and TERMINAL PROFILE: a start without the selection of the MF.

        The MF is the current directory after a reset anyway (ETSI TS 102 221 8.4.1). A device (a modem) has sent both.
        """
        if self.device is not None:
            return None, None
        self._terminal = (terminal_capability, terminal_profile)
        return (
            self.basic.send(CommandApdu(0x80, 0xAA, 0x00, 0x00, terminal_capability)),
            self.basic.send(CommandApdu(0x80, 0x10, 0x00, 0x00, terminal_profile)),
        )

    @property
    def device(self) -> Device | None:
        """The card's terminal, where that is a device (a modem) and not this harness."""
        return device_of(self.transport)

    @property
    def block(self) -> int:
        """Octets of a STORE DATA block, and of a GET RESPONSE through a device."""
        return BLOCK if self.device is None else self.device.block

    def be_terminal(self, doing: str) -> None:
        """Raises `ByTheDevice` where a device is the card's terminal; *doing* is what only the terminal can do."""
        if self.device is not None:
            raise ByTheDevice(
                f"{self.description}: {doing} is not possible: the device is the card's terminal, and it starts the "
                "card and answers its proactive commands by itself. Test this on the card in a reader"
            )

    def open_channel(self, number: int | None = None) -> LogicalChannel:
        """MANAGE CHANNEL open from the basic channel; without a number the card gives one (ETSI TS 102 221 11.1.17).

        Raises `UnexpectedStatus` when the card refuses.
        """
        channel = LogicalChannel(self, self._manage_channel(number))
        self._channels.append(channel)
        return channel

    def close_channel(self, channel: LogicalChannel) -> ResponseApdu:
        """MANAGE CHANNEL close; the channel is gone when the card agrees."""
        response = self.basic.send(CommandApdu(0x00, 0x70, 0x80, channel.number))
        if response.ok and channel in self._channels:
            self._channels.remove(channel)
            channel.is_open = False
        return response

    def take_fetched(self) -> list[ProactiveCommand]:
        """The proactive commands fetched since the last call."""
        fetched, self.fetched = self.fetched, []
        return fetched

    def hold_proactive(self) -> None:
        """Leave proactive commands unfetched, so that a proactive session stays open, until `release_proactive`.

        A reset ends it as well, as nothing is pending then.

        Raises:
            ByTheDevice: a device fetches them.
        """
        self.be_terminal("to leave proactive commands unfetched")
        self._holds, self.held = True, None

    def release_proactive(self) -> None:
        """Fetch and answer what waits, and follow 91xx again."""
        held, self._holds, self.held = self.held, False, None
        if held is not None:
            self.serve_proactive(held)

    def transmit(self, octets: bytes) -> bytes:
        """Send octets exactly as they are and announce the exchange; follows nothing."""
        if self.guard is not None:
            self.guard(octets)
        response, started, before = b"", time.time(), time.perf_counter()
        try:
            response = self.transport.transmit(octets)
        finally:
            seconds = time.perf_counter() - before
            exchange = Exchange(octets, response, started, seconds)
            for listener in self.listeners:
                listener(exchange)
        return response

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """Send one command as it is; 61xx, 6Cxx and 91xx are not followed up."""
        self.limits.check(self)
        octets = command.encode()
        response = self.transmit(octets)
        try:
            return ResponseApdu.parse(response)
        except ApduError as fault:
            raise MalformedAnswer(
                f"{self.description}: {octets.hex().upper()} was not answered with an APDU: {fault}"
            ) from None

    def serve_proactive(self, response: ResponseApdu) -> None:
        """FETCH and answer for as long as a status word 91xx announces a command (ETSI TS 102 221 7.4.2.1)."""
        if self.device is not None:
            # The device has seen it as well, and fetches.
            return
        if self._holds:
            self.held = response if response.sw1 == 0x91 else self.held
            return
        fetches = 0
        while response.sw1 == 0x91:
            if fetches == _MAX_PROACTIVE:
                raise MalformedAnswer(f"{self.description}: more than {_MAX_PROACTIVE} proactive commands in a row")
            fetches += 1
            fetched = self.basic.send(CommandApdu(0x80, 0x12, 0x00, 0x00, le=response.sw2 or 256), proactively=False)
            if not fetched.ok:
                raise UnexpectedStatus("FETCH", fetched)
            command = ProactiveCommand.parse(fetched.data)
            self.fetched.append(command)
            if command.asks_for_reset:
                self._restart()
                return
            answer = self.handler(command)
            response = self.basic.send(CommandApdu(0x80, 0x14, 0x00, 0x00, answer), proactively=False)

    def _restart(self) -> None:
        """REFRESH, UICC reset: reset, start, and give every channel back what was selected on it."""
        self.limits.restart(self)
        channels = list(self._channels)
        self.reset()
        self.start(*self._terminal)
        for channel in channels:
            channel.number = self._manage_channel(None)
            channel.is_open = True
            self._channels.append(channel)
            if channel.aid is not None:
                channel.select(channel.aid, fci=False)

    def _manage_channel(self, number: int | None) -> int:
        asked = number is not None
        response = self.basic.send(CommandApdu(0x00, 0x70, 0x00, number or 0, le=None if asked else 1))
        if not response.ok:
            raise UnexpectedStatus(f"MANAGE CHANNEL open{f' {number}' if asked else ''}", response)
        if number is not None:
            return number
        if len(response.data) != 1 or not 1 <= response.data[0] <= 19:
            raise MalformedAnswer(
                f"MANAGE CHANNEL open answered {response.data.hex().upper() or 'no octet'}: "
                "the number of a channel, 01 to 13, was expected (ETSI TS 102 221 11.1.17)"
            )
        return response.data[0]

    def _forget_channels(self) -> None:
        self._holds, self.held = False, None
        for channel in self._channels:
            channel.is_open = False
        self._channels.clear()


class LogicalChannel:
    """One logical channel of a card; 0 is the basic channel."""

    def __init__(self, card: Card, number: int) -> None:
        self.card = card
        self.number = number
        self.aid: bytes | None = None
        """What was selected here last."""
        self.is_open = True

    def send(self, command: CommandApdu, *, proactively: bool = True, fetch: bool = True) -> ResponseApdu:
        """Send a command on this channel and follow 6Cxx, 61xx and 91xx.

        The class byte is set for this channel. The result holds all the data and the last status word; 91xx stays
        91xx, the proactive command has been fetched and answered by then (`proactively` False leaves it to the caller).
        Without `fetch` data that wait for GET RESPONSE are left there, which ends with the next command (ETSI TS
        102 221 7.3.1.1.4); the status word is 9000 then.
        Raises `CardError` for what cannot be followed.
        """
        with self.card.limits:
            response = follow(self.card, command, self.number, fetch=fetch)
            if proactively and response.sw >> 8 == 0x91:
                self.card.serve_proactive(response)
            return response

    def select(self, aid: bytes, *, fci: bool = True) -> ResponseApdu:
        """SELECT by DF name, first or only occurrence (ISO 7816-4 11.2.2); without `fci` it is not fetched with T=0."""
        response = self.send(CommandApdu(0x00, 0xA4, 0x04, 0x00, aid, 256), fetch=fci)
        if response.ok:
            self.aid = aid
        return response

    def store_data(self, octets: bytes) -> ResponseApdu:
        """STORE DATA in blocks of at most 255 octets: P1 11 and for the last 91, P2 the number (SGP.22 5.7.2).

        Returns the answer to the last block, or to the first that was refused.
        """
        size = self.card.block
        blocks = [octets[at : at + size] for at in range(0, len(octets), size)] or [b""]
        if len(blocks) > _BLOCKS:
            raise ApduError(f"{len(octets)} octets do not fit into {_BLOCKS} blocks of STORE DATA")
        for number, block in enumerate(blocks[:-1]):
            response = self.send(CommandApdu(0x80, 0xE2, 0x11, number, block, 256))
            if not response.ok:
                return response
        return self.send(CommandApdu(0x80, 0xE2, 0x91, len(blocks) - 1, blocks[-1], 256))

    def close(self) -> ResponseApdu:
        """MANAGE CHANNEL close."""
        return self.card.close_channel(self)
