"""``at:DEVICE``: a card behind a modem, such as a soldered eUICC, by AT commands (3GPP TS 27.007 8.17, 8.43 to 8.46).

The modem is the card's terminal: it starts the card, answers its proactive commands and does not report the ATR.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

from pytest_euicc.card import at_answers
from pytest_euicc.card.apdu import MAX_CHANNEL, channel_of, cla_on_channel, has_channel
from pytest_euicc.card.at_port import AtPort, AtRefused, shown
from pytest_euicc.card.errors import ByTheDevice, CardError, CardMute, NoCard, ReaderBusy
from pytest_euicc.card.identity import ISDR_AID
from pytest_euicc.card.modem_options import ModemOptions, parse
from pytest_euicc.card.readers import ReaderLock
from pytest_euicc.card.transport import Device, Transport, TransportOptions

_MANAGE_CHANNEL, _SELECT, _STORE_DATA, _GET_RESPONSE = 0x70, 0xA4, 0xE2, 0xC0
_BY_NAME = 0x04
_BEFORE_REFRESH = tuple(bytes.fromhex(tag) for tag in ("BF31", "BF32", "BF33", "BF34"))
"""EnableProfile, DisableProfile, DeleteProfile, eUICCMemoryReset (SGP.22 5.7.16 to 5.7.19)."""
_OPEN = bytes.fromhex("0070000001")
_STATUS = bytes.fromhex("80F2000C")
_NO_CHANNEL = bytes.fromhex("6881")
_BUSY, _NO_SIM = ("14", "sim busy"), ("10", "sim not inserted", "13", "sim failure")
_PAUSE = 0.3
_CHANNELS = ("AT+CCHO=?", "AT+CGLA=?", "AT+CCHC=?")


@dataclass
class _Channel:
    """A channel that is open: its session, where the modem holds it, and what was selected on it."""

    session: int | None
    aid: bytes
    selected: bool = False
    """By a command of the harness."""


class ModemTransport:
    """A card behind a modem.

    Args:
        device: the port for AT commands.
        aid: of the ISD-R, which the modem selects when it opens a channel.
    """

    protocol = "T=0"
    atr = b""

    def __init__(self, device: str, chosen: ModemOptions, seconds: float, aid: bytes = ISDR_AID) -> None:
        self.device = Device(block=chosen.block)
        self._chosen = chosen
        self._seconds = seconds
        self._aid = aid
        self._port = AtPort(device, chosen.baud, seconds)
        self._lock = ReaderLock(f"at:{os.path.realpath(device)}")
        self._opens = False
        self._refresh_comes = False
        self._channels: dict[int, _Channel] = {}

    @property
    def description(self) -> str:
        """``at: /dev/ttyUSB2``."""
        return f"at: {self._port.device}"

    def connect(self) -> None:
        """Take the port, and see which commands the modem has and that it has a card."""
        if not self._lock.acquire():
            raise ReaderBusy(f"{self._port.device} is in use by {self._lock.holder} (another run or worker)")
        try:
            self._port.open()
            self._set_up()
        except CardError:
            self.close()
            raise

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command APDU; a channel that the modem has closed for a REFRESH is opened once more."""
        number = channel_of(apdu[0]) if apdu else 0
        if self._opens and number == 0 and apdu[1:2] == bytes([_MANAGE_CHANNEL]) and has_channel(apdu[0]):
            return self._manage(apdu)
        response = self._on_channel(apdu, number)
        self._learn(apdu, number, response)
        return response

    def reset(self) -> bytes:
        """Switch the card off and on, or close its channels; a modem does not report the ATR."""
        self._port.synchronise()
        for number in list(self._channels):
            with suppress(AtRefused):
                self._close(number)
        self._channels.clear()
        if self._chosen.reset == "cfun":
            self._patiently("AT+CFUN=0")
            self._patiently("AT+CFUN=1")
        # What the modem sends by itself until the card is ready is no answer to what comes next.
        self._wait_for_card()
        return self.atr

    def close(self) -> None:
        """Give the channels and the port back."""
        for number in list(self._channels):
            with suppress(CardError):
                self._close(number)
        self._channels.clear()
        self._port.close()
        self._lock.release()

    def _set_up(self) -> None:
        for command in ("ATE0", "AT+CMEE=2"):
            with suppress(AtRefused):
                self._port.command(command)
        self._wait_for_card()
        missing = [command for command in _CHANNELS if not self._has(command)]
        self._opens = self._chosen.mode == "cgla" or (self._chosen.mode == "auto" and not missing)
        if not self._opens and not self._has("AT+CSIM=?"):
            reported = ", ".join(command.removesuffix("=?") for command in missing)
            raise CardError(
                f"{self._port.device}: the modem has neither AT+CSIM nor all commands for logical channels (it lacks "
                f"{reported}); nothing can be sent to its card this way"
            )

    def _wait_for_card(self) -> None:
        """Raises `NoCard` where the modem says that there is none; a card that is locked by a PIN can be tested."""
        try:
            self._patiently("AT+CPIN?")
        except AtRefused as refused:
            if refused.cause in _NO_SIM:
                raise NoCard(f"{self._port.device}: the modem has no card: {shown(refused.result)}") from None

    def _has(self, test: str) -> bool:
        try:
            self._port.command(test)
        except AtRefused:
            return False
        return True

    def _patiently(self, command: str) -> list[str]:
        """Send a command, again while the card is busy: after a REFRESH it is for a while."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                return self._port.command(command)
            except AtRefused as refused:
                if refused.cause not in _BUSY or time.monotonic() >= until:
                    raise
            time.sleep(_PAUSE)

    def _manage(self, apdu: bytes) -> bytes:
        """MANAGE CHANNEL, done by the modem: it opens a channel and selects the ISD-R on it, or closes one."""
        if apdu == _OPEN:
            session = self._session(self._aid)
            free = (number for number in range(1, MAX_CHANNEL + 1) if number not in self._channels)
            number = session if 0 < session <= MAX_CHANNEL and session not in self._channels else next(free, 0)
            if not number:
                raise CardError(f"{self._port.device}: {MAX_CHANNEL} channels are open")
            self._channels[number] = _Channel(session, self._aid)
            return bytes([number]) + b"\x90\x00"
        if len(apdu) == 4 and apdu[2] == 0x80 and apdu[3] in self._channels:
            self._close(apdu[3])
            return b"\x90\x00"
        raise ByTheDevice(
            f"{self._port.device}: {apdu.hex().upper()} is MANAGE CHANNEL, which the modem performs itself, and only "
            "to open a channel of its choice or to close one of these; at:DEVICE,mode=csim sends it to the card"
        )

    def _session(self, aid: bytes) -> int:
        lines = self._patiently(f'AT+CCHO="{aid.hex().upper()}"')
        return at_answers.session(self._port.device, lines)

    def _close(self, number: int) -> None:
        channel = self._channels.pop(number)
        if channel.session is not None:
            try:
                self._port.command(f"AT+CCHC={channel.session}")
            except AtRefused:
                # It went with the REFRESH.
                if not self._refresh_comes:
                    raise
        else:
            self._csim(bytes([0x00, _MANAGE_CHANNEL, 0x80, number]))

    def _on_channel(self, apdu: bytes, number: int) -> bytes:
        channel = self._channels.get(number)
        if channel is None:
            return self._basic(apdu) if number == 0 or not self._opens else self._unknown(number)
        if channel.session is not None and not channel.selected and apdu[1] != _SELECT:
            raise ByTheDevice(
                f"{self._port.device}: the modem selected the ISD-R when it opened channel {number}; what a card "
                "answers before that cannot be seen through it. at:DEVICE,mode=csim opens channels without"
            )
        response = self._once(apdu, channel)
        if response is not None:
            return response
        # The modem or the card has closed it, so the command was not executed. Only where a REFRESH had to come is that
        # as it should be; elsewhere the sequence is not judged by what the card says on a new channel.
        begins = apdu[1] != _GET_RESPONSE and not (apdu[1] == _STORE_DATA and apdu[3])
        if self._refresh_comes and begins:
            self._reopen(number, channel)
            response = self._once(apdu, channel)
        if response is None:
            raise CardError(
                f"{self._port.device}: the modem has closed channel {number} by itself; see that no other program, "
                "such as ModemManager, uses the modem and its card"
            )
        return response

    def _once(self, apdu: bytes, channel: _Channel) -> bytes | None:
        """The response; None where the channel is not there any more."""
        if channel.session is None:
            response = self._csim(apdu)
            return None if response == _NO_CHANNEL else response
        in_class = channel.session if self._chosen.cla == "session" and channel.session <= MAX_CHANNEL else 0
        sent = bytes([cla_on_channel(apdu[0], in_class)]) + apdu[1:]
        try:
            return self._exchange(f"+CGLA={channel.session},", sent)
        except AtRefused as refused:
            if refused.cause in _NO_SIM:
                raise NoCard(f"{self._port.device}: the modem has no card any more: {shown(refused.result)}") from None
            if refused.cause in _BUSY:
                raise CardMute(f"{refused}; the card stays busy. --euicc-timeout gives it more time") from None
            if self._is_open(channel.session):
                raise CardError(
                    f"{refused}. The channel is open, so it is the command that the modem does not take; if it is too "
                    "long for it, at:DEVICE,block=120 sends shorter ones"
                ) from None
            return None

    def _is_open(self, session: int) -> bool:
        """Whether the modem still passes commands on, by one that changes nothing: STATUS without data in return."""
        try:
            self._exchange(f"+CGLA={session},", _STATUS)
        except AtRefused:
            return False
        return True

    def _reopen(self, number: int, channel: _Channel) -> None:
        if channel.session is not None:
            with suppress(AtRefused):
                self._port.command(f"AT+CCHC={channel.session}")
            channel.session = self._session(channel.aid)
            return
        opened = self._csim(bytes([0x00, _MANAGE_CHANNEL, 0x00, number]))
        if opened == b"\x90\x00" and channel.aid:
            select = bytes([cla_on_channel(0, number), _SELECT, _BY_NAME, 0x00, len(channel.aid)])
            self._csim(select + channel.aid)

    def _basic(self, apdu: bytes) -> bytes:
        """On the basic channel, or with the channel that the class byte names: as it is."""
        if not self._opens:
            return self._csim(apdu)
        try:
            return self._csim(apdu)
        except AtRefused:
            # 3GPP TS 27.007 8.43: session 0 is the default channel.
            return self._exchange("+CGLA=0,", apdu)

    def _unknown(self, number: int) -> bytes:
        raise ByTheDevice(
            f"{self._port.device}: channel {number} is not open, and the modem forwards nothing to a closed channel; "
            "at:DEVICE,mode=csim sends it to the card"
        )

    def _csim(self, apdu: bytes) -> bytes:
        return self._exchange("+CSIM=", apdu)

    def _exchange(self, command: str, apdu: bytes) -> bytes:
        """One APDU by AT+CSIM or AT+CGLA."""
        text = apdu.hex().upper()
        lines = self._patiently(f'AT{command}{len(text)},"{text}"')
        return at_answers.response(self._port.device, f"{command.partition('=')[0]}:", lines)

    def _learn(self, apdu: bytes, number: int, response: bytes) -> None:
        """What is open and selected, for a channel that has to be opened once more."""
        if apdu[1:2] == bytes([_STORE_DATA]) and apdu[3] == 0:
            self._refresh_comes = apdu[5:7] in _BEFORE_REFRESH
        self._refresh_comes = self._refresh_comes or response[-2:-1] == b"\x91"
        done = response[-2:-1] in (b"\x90", b"\x61", b"\x91", b"\x62", b"\x63")
        if not done or len(apdu) < 4:
            return
        if apdu[1] == _MANAGE_CHANNEL and not self._opens:
            if apdu[2] == 0x00:
                self._channels[apdu[3] or response[0]] = _Channel(None, b"")
            else:
                self._channels.pop(apdu[3] or number, None)
        elif apdu[1] == _SELECT and apdu[2] == _BY_NAME and number in self._channels:
            self._channels[number].aid = apdu[5 : 5 + apdu[4]] if len(apdu) > 5 else b""
            self._channels[number].selected = True


def open_transport(argument: str, options: TransportOptions) -> Transport:
    """``at:DEVICE``, with options after commas: ``at:/dev/ttyUSB2,block=120``.

    Raises:
        UnknownTransport: there is no device, or an option that does not exist.
    """
    device, chosen = parse(argument)
    return ModemTransport(device, chosen, options.timeout, options.extra.get("isdr_aid") or ISDR_AID)
