"""The simulated eUICC at its contacts: reset, channels, files, proactive commands, the ISD-R behind STORE DATA."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from time import sleep

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import ApduError, CommandApdu, ResponseApdu, channel_of
from pytest_euicc.card.errors import PowerLost
from pytest_euicc.rsp.pki import Pki, default_pki
from pytest_euicc.simulator.euicc import power
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.es10.session import RspSession
from pytest_euicc.simulator.euicc.iot import switching
from pytest_euicc.simulator.euicc.ota import remote
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.state import CardState
from pytest_euicc.simulator.euicc.uicc import filesystem
from pytest_euicc.simulator.euicc.uicc.answer_to_reset import LAST_CHANNEL, build_atr
from pytest_euicc.simulator.euicc.uicc.channels import Channel, Channels
from pytest_euicc.simulator.euicc.uicc.delivery import Delivery
from pytest_euicc.simulator.euicc.uicc.filesystem import Files
from pytest_euicc.simulator.euicc.uicc.isdr import Isdr, fci
from pytest_euicc.simulator.euicc.uicc.proactive import ProactiveSession, performed
from pytest_euicc.simulator.euicc.variants import contacts
from pytest_euicc.simulator.euicc.variants.personalisation import varied

_SHORTEST_AID = 5
_RESTORE = 0xFC
"""Proprietary, ``80FC000000`` on the basic channel: back to the personalised state, and like a reset for what is
volatile. No command of an eUICC has this instruction."""
_MF = bytes.fromhex("3F00")
_SLOW = 0.002
_NOW_AND_THEN = 5
_PROACTIVE = {0x12, 0x14}
_INTERINDUSTRY = {0xA4, 0xB0, 0xB2, 0x70, 0xC0}
_PROPRIETARY = {0xE2, 0xC2, 0xAA, 0x10, 0x12, 0x14, 0xF2, 0xC0, _RESTORE}
_INSTRUCTIONS = _INTERINDUSTRY | _PROPRIETARY


class SimulatedEuicc:
    """A whole eUICC in memory.

    Args:
        settings: what it is; a full v2.6 eUICC if None.
        pki: where its certificates and the CI keys come from.
        defects: names of deviations it shall have (defects/).
        variants: names of permitted variants it shall have (variants/).
        random: returns the given number of random bytes; by default from the seed of the settings, or from the system.
        now: the time certificates are checked at.
        eid: in place of that of the settings, whatever variants make of that.

    Raises:
        PkiFolderError: the PKI is a folder without what the settings ask for.
    """

    def __init__(
        self,
        settings: EuiccSettings | None = None,
        pki: Pki | None = None,
        *,
        defects: frozenset[str] = frozenset(),
        variants: frozenset[str] = frozenset(),
        random: Callable[[int], bytes] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        eid: bytes | None = None,
    ) -> None:
        self.settings = settings or EuiccSettings()
        if random is None:
            # A seed is given to make runs alike, so a generator that can be predicted is what is wanted.
            seed = self.settings.seed
            random = os.urandom if seed is None else Random(seed).randbytes  # noqa: S311
        self.settings = varied(self.settings, variants)
        if eid is not None:
            self.settings = self.settings.model_copy(update={"eid": eid})
        self.core = EuiccCore(self.settings, pki or default_pki(), defects, random, now, variants)
        self._personalised = self.core.state
        last_channel = contacts.chosen(self.core.varies, contacts.LAST_CHANNEL, LAST_CHANNEL)
        self._delivery = Delivery(self.core, self.settings.protocol)
        self._proactive = ProactiveSession(self.core.varies)
        self._profiled = False
        """The terminal sent TERMINAL PROFILE since the last reset."""
        self._channels = Channels(self.core, last_channel, isdr_once=self.settings.isdr_once)
        self._outlived: RspSession | None = None
        self.atr = build_atr(
            self.settings.protocol,
            euicc_functions=not self.core.defective("atr-without-euicc-functions"),
            checksum=not self.core.defective("atr-checksum-wrong"),
            last_channel=last_channel,
            varies=self.core.varies,
        )
        self.reset()

    @property
    def defects(self) -> frozenset[str]:
        """Names of the deviations that are switched on (defects.py)."""
        return self.core.defects

    # ------------------------------------------------------------------ power and state

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR. Channels, sessions and proactive commands are gone."""
        if not (self._channels and self.core.defective("channels-survive-reset")):
            self._channels.close_all()
        self._proactive = ProactiveSession(self.core.varies)
        self._profiled = False
        self._functions = 0
        self.core.power_cycle()
        if self._outlived is not None:
            self.core.session, self._outlived = self._outlived, None
        # A reset counts as the answer to a REFRESH.
        switching.settle(self.core)
        return self.atr

    def lose_power(self) -> None:
        """The contacts are without power; `reset` powers it up again."""
        self._outlived = power.lose(self.core)

    def snapshot(self) -> CardState:
        """Everything the card keeps over a reset."""
        return self.core.state

    def restore(self, snapshot: CardState) -> None:
        """Put a snapshot back; like after a reset nothing is selected."""
        self.core.forget_switch()
        self.core.state = snapshot
        self.reset()

    @property
    def state(self) -> CardState:
        """The state that survives a reset."""
        return self.core.state

    # ------------------------------------------------------------------ APDUs

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command APDU: data, SW1, SW2. Whatever the octets, there is an answer."""
        try:
            command = CommandApdu.parse(apdu)
        except ApduError:
            return b"\x67\x00"
        if command.extended:
            # The historical bytes do not announce extended lengths (ISO 7816-4 12.1.1.9).
            return b"\x67\x00"
        number = channel_of(command.cla)
        channel = self._channels.get(number)
        refused = self._refuse(command, channel)
        if refused or channel is None:
            return (refused or 0x6881).to_bytes(2, "big")
        if command.ins == 0xC0:
            return self._delivery.get_response(channel, command, self._proactive).encode()
        channel.waiting = b""
        if self.core.varies("slow-answers"):
            sleep(_SLOW)
        # What the card asked for by itself (FETCH, TERMINAL RESPONSE) ends nothing.
        if number == 0 and command.ins not in _PROACTIVE and self.core.varies("files-end-chains"):
            for other in self._channels.all():
                if other.isdr is not None:
                    other.isdr.end_chain()
        cut = self.core.writes_left is not None
        answer = (self._dispatch_over_cut if cut else self._dispatch)(number, channel, command)
        return self._delivery.hand_over(channel, command, answer, self._proactive).encode()

    def _dispatch_over_cut(self, number: int, channel: Channel, command: CommandApdu) -> ResponseApdu:
        """A command in which the power may go; what it had written by then is undone."""
        before = self.core.state
        answer: ResponseApdu | None = None
        with suppress(PowerLost):
            answer = self._dispatch(number, channel, command)
        if answer is not None and not self.core.power_lost:
            return answer
        self.core.writes_left, self.core.power_lost = None, False
        power.cut(self.core, before)
        self.lose_power()
        raise PowerLost("sim: the power was cut inside a command")

    def _refuse(self, command: CommandApdu, channel: Channel | None) -> int:
        """A status word for a class or instruction that is not known, else 0 (ISO 7816-4 5.6)."""
        proprietary = bool(command.cla & 0x80)
        first_form = command.cla & 0x7C == 0
        further_form = command.cla & 0x70 == 0x40
        if not (first_form or further_form):
            return 0x6E00
        if command.ins not in _INSTRUCTIONS:
            return 0x9000 if self.core.defective("wrong-instruction-is-ok") else 0x6D00
        if command.ins not in (_PROPRIETARY if proprietary else _INTERINDUSTRY):
            return 0x6E00
        return 0 if channel is not None else 0x6881

    def _dispatch(self, number: int, channel: Channel, command: CommandApdu) -> ResponseApdu:
        match command.ins:
            case 0xA4:
                return self._select(number, channel, command)
            case 0xB0:
                return filesystem.read_binary(self._files(), channel.selection, command)
            case 0xB2:
                return filesystem.read_record(self._files(), channel.selection, command)
            case 0x70:
                return self._channels.manage(channel, command)
            case 0xE2:
                return self._store_data(number, channel, command)
            case 0xC2:
                return self._envelope(number, command)
            case 0xAA:
                return self._terminal_capability(command)
            case 0x10:
                return self._terminal_profile(command)
            case 0x12:
                return self._proactive.fetch(command)
            case 0x14:
                return self._terminal_response(command)
            case 0xF2:
                return self._status(channel, command)
        return self._restore(number, command)

    # ------------------------------------------------------------------ commands

    def _files(self) -> Files:
        return self.core.files()

    def _select(self, number: int, channel: Channel, command: CommandApdu) -> ResponseApdu:
        if command.p2 & 0xB3 or command.p2 & 0x0C not in (0x00, 0x04, 0x0C):
            # ETSI TS 102 221 table 11.2: first or only occurrence, and FCP, FCI or nothing in return.
            return ResponseApdu(b"", 0x6A86)
        if command.p1 == 0x04:
            return self._select_aid(number, channel, command)
        if command.p1 not in (0x00, 0x08, 0x09):
            return ResponseApdu(b"", 0x6A86)
        if command.data == _MF and self.core.defective("refuses-mf"):
            return ResponseApdu(b"", 0x6A82)
        answer = filesystem.select(self._files(), channel.selection, command)
        if answer.sw == 0x6700:
            return ResponseApdu(b"", self._wrong_identifier())
        if answer.data and self.core.variants:
            answer = ResponseApdu(contacts.vary_fcp(answer.data, self.core.varies), answer.sw)
        if answer.data and self.core.defective("fcp-without-life-cycle"):
            answer = ResponseApdu(_without_life_cycle(answer.data), answer.sw)
        if answer.ok:
            channel.isdr = None
        return answer

    def _wrong_identifier(self) -> int:
        """Status word for file identifiers that are not two octets each."""
        if self.core.defective("short-identifier-is-ok"):
            return 0x9000
        if self.core.varies("short-identifier-is-6a82"):
            return 0x6A82
        return 0x6A87 if self.core.varies("short-identifier-is-6a87") else 0x6700

    def _select_aid(self, number: int, channel: Channel, command: CommandApdu) -> ResponseApdu:
        if command.data == self.settings.isdr_aid:
            if number > 2 and self.core.defective("two-selections-only"):
                return ResponseApdu(b"", 0x6A82)
            if self.settings.isdr_once and any(other.isdr for other in self._channels.all() if other is not channel):
                # GlobalPlatform Card Specification 6.4.1.1: an application that is not multi-selectable.
                return ResponseApdu(b"", 0x6985)
            if channel.isdr is None or not self.core.defective("keeps-chain-over-select"):
                channel.isdr = Isdr(self.core, number)
            wanted = b"" if command.p2 & 0x0C == 0x0C else self._fci()
            return ResponseApdu(wanted, 0x9000)
        if len(command.data) < _SHORTEST_AID:
            return ResponseApdu(b"", 0x6A82)
        adfs = {path[0] for path in self._files() if path and len(path[0]) > 2}
        adf = next((aid for aid in sorted(adfs) if aid.startswith(command.data)), None)
        if adf is None:
            if self.core.defective("failed-select-deselects"):
                channel.isdr = None
            return ResponseApdu(b"", 0x9000 if self.core.defective("unknown-aid-is-ok") else 0x6A82)
        channel.isdr = None
        return filesystem.enter(self._files(), channel.selection, (adf,), wants_fcp=command.p2 & 0x0C == 0x04)

    def _fci(self) -> bytes:
        return fci(self.settings.isdr_aid, self.settings, self.core, enabled=self.core.state.enabled is not None)

    def _status(self, channel: Channel, command: CommandApdu) -> ResponseApdu:
        if command.p1 not in (0x00, 0x01, 0x02):
            return ResponseApdu(b"", 0x6A86)
        if command.data:
            return ResponseApdu(b"", 0x6700)
        application = self.settings.isdr_aid if channel.isdr else channel.selection.adf
        answer = filesystem.status(self._files(), channel.selection, command.p2, application)
        if answer.data[:1] == b"\x62" and self.core.variants:
            return ResponseApdu(contacts.vary_fcp(answer.data, self.core.varies), answer.sw)
        return answer

    def _store_data(self, number: int, channel: Channel, command: CommandApdu) -> ResponseApdu:
        isdr = channel.isdr
        if isdr is None and self.core.defective("answers-before-select"):
            isdr = channel.isdr = Isdr(self.core, number)
        if isdr is None:
            # SGP.22 5.7.1: the ISD-R is selected first.
            if self.core.varies("unselected-is-6e00"):
                return ResponseApdu(b"", 0x6E00)
            return ResponseApdu(b"", 0x6985 if number else 0x6D00)
        lasting = self.core.proactive_session and self.core.defective("busy-for-ever")
        self.core.proactive_session = self._proactive.running or lasting
        answer = isdr.store_data(command)
        self._functions += 1
        now = self._functions % _NOW_AND_THEN == 0 and self._profiled
        if now and self.core.varies("more-time-now-and-then"):
            self._proactive.more_time()
        if self.core.refresh is not None:
            self._refresh(self.core.refresh)
            self.core.refresh = None
        return answer

    def _terminal_response(self, command: CommandApdu) -> ResponseApdu:
        answer = self._proactive.terminal_response(command, self._refreshed)
        if answer.ok and not self._proactive.refreshing:
            switching.settle(self.core, done=performed(command.data))
        return answer

    def _envelope(self, number: int, command: CommandApdu) -> ResponseApdu:
        """ETSI TS 102 221 11.2.2: on the basic channel."""
        if number:
            return ResponseApdu(b"", 0x6881)
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if not command.data:
            return ResponseApdu(b"", 0x6700)
        answer = remote.envelope(self.core, command.data)
        if answer.message is not None:
            self._proactive.send_message(answer.message)
        return ResponseApdu(answer.data, answer.sw)

    def _terminal_capability(self, command: CommandApdu) -> ResponseApdu:
        """ETSI TS 102 221 11.1.19: one A9 with known and unknown capabilities."""
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if not command.data:
            return ResponseApdu(b"", 0x6700)
        try:
            template = tlv.parse(command.data)
            template.children()
        except tlv.TlvError:
            return ResponseApdu(b"", 0x6A80)
        return ResponseApdu(b"", 0x9000 if template.tag == 0xA9 else 0x6A80)

    def _terminal_profile(self, command: CommandApdu) -> ResponseApdu:
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if not command.data:
            return ResponseApdu(b"", 0x6700)
        self._profiled = True
        if self.core.varies("sets-up-events"):
            self._proactive.set_up_events()
        if self.core.varies("polls"):
            self._proactive.poll()
        return ResponseApdu(b"", 0x9000)

    def _refresh(self, qualifier: int) -> None:
        """Announce REFRESH, or let it be through where nobody would fetch it.

        Proactive commands are for a terminal that sent TERMINAL PROFILE (ETSI TS 102 223 6.2). A program on a PC that
        did not would announce one with every answer, for ever.
        """
        if self._profiled:
            self._proactive.refresh(qualifier)
            if self.core.defective("iot-refreshes-twice"):
                self._proactive.refresh(qualifier)
        else:
            self._refreshed()
            switching.settle(self.core)

    def _refreshed(self) -> None:
        """REFRESH is through."""
        self.core.finish_switch()
        if self.core.varies("refresh-closes-channels"):
            self._channels.close_all()

    def _restore(self, number: int, command: CommandApdu) -> ResponseApdu:
        if number:
            return ResponseApdu(b"", 0x6881)
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if command.data:
            return ResponseApdu(b"", 0x6700)
        self.restore(self._personalised)
        return ResponseApdu(b"", 0x9000)


def _without_life_cycle(fcp: bytes) -> bytes:
    if not fcp:
        return fcp
    kept = b"".join(part.octets for part in tlv.parse(fcp).children() if part.tag != 0x8A)
    return tlv.encode(0x62, kept)
