"""Remote management of the enabled profile: ENVELOPE (SMS-PP DOWNLOAD), SCP80, scripts for the MNO-SD.

ETSI TS 102 225 and TS 102 226, 3GPP TS 31.111 7.1.1 and TS 31.115; ES6 is SGP.22 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import ApduError, CommandApdu
from pytest_euicc.ota import scp80, scripts, sms
from pytest_euicc.ota.scp80 import Counter, Integrity, Receipt, Status
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.ota.update_metadata import update_metadata
from pytest_euicc.simulator.euicc.state import Profile

UPDATE_METADATA = 0xBF2A
_FOR_PERSONALIZATION = 0x20
_LAST_BLOCK, _BER_TLV, _FORMAT, _CIPHERED = 0x80, 0x10, 0x18, 0x60
_MOST_CONCATENATED = 8
_WARNING = 0x6200


@dataclass(frozen=True)
class Answer:
    """The answer to an ENVELOPE; ``message`` is an SMS-SUBMIT that goes out as a proactive command."""

    data: bytes = b""
    sw: int = 0x9000
    message: bytes | None = None


def envelope(core: EuiccCore, data: bytes) -> Answer:
    """Take one ENVELOPE. What is no secured packet for anybody is taken without effect (3GPP TS 31.111 7.1.1.1)."""
    try:
        tpdu = sms.read_envelope(data)
    except tlv.TlvError:
        return Answer(sw=0x6A80)
    try:
        message = sms.read_deliver(tpdu or b"")
        packet = _whole_packet(core, message)
        header = scp80.read_header(packet) if packet is not None else None
    except (sms.SmsFault, scp80.PacketFault):
        return Answer()
    return Answer() if header is None else _receive(core, header, message.address)


def _whole_packet(core: EuiccCore, message: sms.Message) -> bytes | None:
    """The secured packet once all of its messages are there; None before, and for any other message."""
    concatenation = message.header.get(sms.CONCATENATED)
    if concatenation is None:
        return message.data if sms.COMMAND_PACKET in message.header else None
    if len(concatenation) != 3 or not 1 <= concatenation[2] <= concatenation[1] or core.defective("one-sms-only"):
        return None
    reference, total, number = concatenation
    key = (message.address, reference, total)
    if key not in core.messages and len(core.messages) == _MOST_CONCATENATED:
        # The oldest makes room.
        core.messages.pop(next(iter(core.messages)))
    parts = core.messages.setdefault(key, {})
    parts[number] = message
    if len(parts) < total:
        return None
    del core.messages[key]
    if sms.COMMAND_PACKET not in parts[1].header:
        return None
    return b"".join(parts[number].data for number in range(1, total + 1))


def _receive(core: EuiccCore, header: scp80.CommandHeader, address: str) -> Answer:
    """Check a command packet, execute its script and answer as the SPI requires."""
    keys = None
    counter, status, data = 0, Status.OK, b""
    try:
        profile, keys, command = _open(core, header)
        counter = command.counter
        data = _Script(core, profile).run(command.data)
    except scp80.Rejected as rejected:
        status = Status.OK if core.defective("receipt-always-ok") else rejected.status
    wanted = header.spi.receipt is Receipt.ALWAYS or (header.spi.receipt is Receipt.ON_ERROR and status)
    if not wanted and not core.defective("receipt-unasked"):
        return Answer()
    if core.defective("receipt-without-security"):
        keys = None
    # Without keys, which only who was authenticated has led to, the receipt is not protected.
    packet = scp80.respond(keys, header.spi, header.tar, counter, status, data)
    (octets,) = sms.user_data(packet, sms.RESPONSE_PACKET)
    if header.spi.receipt_by_submit or core.defective("receipt-always-by-submit"):
        return Answer(message=sms.submit(octets, address))
    return Answer(octets, 0x9000 if status is Status.OK else _WARNING)


def _open(core: EuiccCore, header: scp80.CommandHeader) -> tuple[Profile, scp80.KeySet, scp80.Command]:
    """The profile that a packet is for, its keys and what is inside; raises Rejected (ETSI TS 102 225 5.1, 5.2.2)."""
    profile = _addressed(core, header.tar)
    domain = profile.mno_sd
    assert domain is not None  # noqa: S101
    keys = domain.key_set(header.kic >> 4)
    supported = (Integrity.NONE, Integrity.CHECKSUM)
    if (
        keys is None
        or header.kic >> 4 != header.kid >> 4
        or not (scp80.is_aes(header.kic) and scp80.is_aes(header.kid))
        or header.spi.receipt_integrity not in supported
    ):
        raise scp80.Rejected(Status.SECURITY_ERROR)
    if not header.spi.reaches(domain.minimum_security) and not core.defective("ignores-minimum-security"):
        raise scp80.Rejected(Status.INSUFFICIENT_SECURITY_LEVEL)
    command = scp80.open_command(header, keys, verify=not core.defective("ignores-ota-checksum"))
    status = _judge(header.spi.counter, command.counter, domain.counter(keys.version))
    if status is not Status.OK and not core.defective("ignores-ota-counter"):
        raise scp80.Rejected(status)
    if header.spi.counter in (Counter.HIGHER, Counter.NEXT):
        profile = core.replace_profile(profile, mno_sd=domain.counted(keys.version, command.counter))
    return profile, keys, command


def _addressed(core: EuiccCore, tar: bytes) -> Profile:
    """The profile whose MNO-SD has a TAR: only that of the enabled profile can be reached (SGP.22 2.4.4)."""
    candidates = [core.state.enabled] if core.state.enabled else []
    if core.defective("ota-reaches-disabled"):
        candidates += core.state.profiles
    for profile in candidates:
        if profile.mno_sd is not None and (tar in profile.mno_sd.tars or core.defective("ignores-tar")):
            return profile
    raise scp80.Rejected(Status.TAR_UNKNOWN)


def _judge(wanted: Counter, received: int, last: int) -> Status:
    """Whether a counter is good, seen from the last one (ETSI TS 102 225 5.1.4)."""
    if wanted in (Counter.NONE, Counter.UNCHECKED):
        return Status.OK
    if last >= scp80.LARGEST_COUNTER:
        return Status.COUNTER_BLOCKED
    if received <= last:
        return Status.COUNTER_LOW
    return Status.COUNTER_HIGH if wanted is Counter.NEXT and received != last + 1 else Status.OK


@dataclass
class _Script:
    """One run of a script on the MNO-SD of a profile; what is to be personalised is forgotten at its end."""

    core: EuiccCore
    profile: Profile
    target: bytes | None = None
    blocks: bytes = b""
    next_block: int = 0

    def run(self, octets: bytes) -> bytes:
        """Carry commands out up to the first that fails; returns the answer in the format of the script."""
        expanded = scripts.is_expanded(octets) or self.core.defective("answers-expanded-only")
        try:
            commands = scripts.read_script(octets)
        except scripts.ScriptFault as fault:
            return scripts.results(scripts.Results(0, 0x6700, bad_format=fault.reason), expanded=expanded)
        data, sw, executed = b"", 0x9000, 0
        for command in commands:
            data, sw = self._command(command)
            executed += 1
            if sw != 0x9000:
                break
        return scripts.results(scripts.Results(executed & 0xFF, sw, data), expanded=expanded)

    def _command(self, octets: bytes) -> tuple[bytes, int]:
        try:
            command = CommandApdu.parse(octets)
        except ApduError:
            return b"", 0x6700
        if command.cla != 0x80:
            return b"", 0x6E00
        match command.ins:
            case 0xE6:
                return self._install(command)
            case 0xE2:
                return b"", self._store_data(command)
        return b"", 0x6D00

    def _install(self, command: CommandApdu) -> tuple[bytes, int]:
        """INSTALL [for personalization]: what follows goes to the application named (GlobalPlatform 2.3 11.5.2.3.6)."""
        if (command.p1, command.p2) != (_FOR_PERSONALIZATION, 0x00):
            return b"", 0x6A86
        aid = command.data[3:-3]
        if command.data != scripts.for_personalization(aid):
            return b"", 0x6A80
        self.blocks, self.next_block, self.target = b"", 0, None
        own = aid in (scripts.PROFILES_ISDP, self.profile.aid)
        if not own and not (self.core.defective("personalises-any-isdp") and self._named(aid)):
            return b"", 0x6A88
        self.target = self.profile.aid if own else aid
        return b"\x00", 0x9000

    def _named(self, aid: bytes) -> Profile | None:
        return self.core.state.find(("isdpAid", aid))

    def _store_data(self, command: CommandApdu) -> int:
        """STORE DATA for the ISD-P, in blocks (GlobalPlatform 2.3 11.11)."""
        if self.target is None:
            return 0x6985
        if command.p1 & _CIPHERED or command.p1 & _FORMAT != _BER_TLV or command.p2 != self.next_block:
            return 0x6A86
        self.blocks += command.data
        self.next_block += 1
        if not command.p1 & _LAST_BLOCK:
            return 0x9000
        request, self.blocks, self.next_block = self.blocks, b"", 0
        profile = self._named(self.target)
        assert profile is not None  # noqa: S101
        try:
            known = tlv.parse(request).tag == UPDATE_METADATA
        except tlv.TlvError:
            known = False
        if not known:
            return 0x9000 if self.core.defective("takes-any-metadata") else 0x6A80
        return update_metadata(self.core, profile, request)
