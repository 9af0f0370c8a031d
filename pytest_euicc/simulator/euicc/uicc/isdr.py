"""The ISD-R on one channel: FCI, STORE DATA chaining, ES10 functions by their tag (SGP.22 5.7.1, 5.7.2)."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.asn1.codec import Asn1Error
from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.simulator.defect import longer_length
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.es10 import es10a, es10b, es10c
from pytest_euicc.simulator.euicc.iot import functions
from pytest_euicc.simulator.euicc.loading import loading
from pytest_euicc.simulator.euicc.loading.loading import NotAllowed
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.state import named_bits
from pytest_euicc.simulator.euicc.variants import contacts, elements, management

_MORE, _LAST = 0x11, 0x91
_LARGEST_COMMAND = 64 * 1024
_FULL_BLOCK = 255
_LOAD_CRL = 0xBF35

Handler = Callable[[EuiccCore, bytes], bytes]

_HANDLERS: dict[int, Handler] = {**es10a.HANDLERS, **es10b.HANDLERS, **es10c.HANDLERS}


def fci(aid: bytes, settings: EuiccSettings, core: EuiccCore, *, enabled: bool = False) -> bytes:
    """The answer to SELECT of the ISD-R (SGP.22 5.7.1, SGP.32 3.8.4); ``enabled``: a profile is."""
    defective = core.defective
    if defective("fci-without-template"):
        return tlv.encode(0x6F, tlv.encode(0x84, aid))
    tells = settings.lpae and not defective("fci-without-lpae")
    template = {"svn": settings.svn} | ({"lpaeSupport": (b"\x80", 1)} if tells else {})
    proprietary = tlv.encode(0xA5, tlv.encode(0x9F65, b"\xff"))
    templates = codec.encode("ISDRProprietaryApplicationTemplate", template)
    if settings.iot is not None and not defective("iot-fci-without-template"):
        ipae = settings.iot.ipae != defective("iot-fci-ipae-wrong")
        enabled = enabled != defective("iot-fci-enabled-wrong")
        names = {name for name, reported in (("ipaeSupported", ipae), ("enabledProfile", enabled)) if reported}
        bits = named_bits(("ipaeSupported", "enabledProfile"), names)
        iot = codec.encode("ISDRProprietaryApplicationTemplateIoT", {"euiccConfiguration": bits})
        if core.varies("iot-template-in-a5"):
            proprietary = tlv.encode(0xA5, tlv.parse(proprietary).value + iot)
        else:
            templates += iot
    octets = tlv.encode(0x6F, tlv.encode(0x84, aid) + proprietary + templates)
    return contacts.vary_fci(octets, core.varies, iot=settings.iot is not None) if core.variants else octets


class Isdr:
    """The session of one selection: the blocks of a chain that is not whole yet."""

    def __init__(self, core: EuiccCore, channel: int) -> None:
        self._core = core
        self._channel = channel
        kept = core.left_chain[0] and core.defective("keeps-chain-over-reset")
        self._chain, self._next = core.left_chain if kept else (b"", 0)

    def store_data(self, command: CommandApdu) -> ResponseApdu:
        """Take one block; the answer comes with the last one."""
        core = self._core
        if command.p1 not in (_MORE, _LAST) and not core.defective("ignores-p1"):
            self._forget()
            return ResponseApdu(b"", 0x6A86)
        in_order = command.p2 == self._next or core.defective("ignores-block-number")
        if not in_order or len(self._chain) + len(command.data) > _LARGEST_COMMAND:
            # A block out of order ends the chain, and none of its octets may reach a later command.
            if not core.defective("leaks-block"):
                self._forget()
            self._next = 0
            return ResponseApdu(b"", 0x6985 if core.varies("wrong-block-is-6985") else 0x6A86)
        lost = (len(command.data) == _FULL_BLOCK and core.defective("loses-full-blocks")) or (
            len(command.data) == 1 and core.defective("loses-short-blocks")
        )
        if not lost:
            self._chain += command.data
        self._next = (self._next + 1) & 0xFF
        core.left_chain = (self._chain, self._next)
        if command.p1 == _MORE:
            return ResponseApdu(b"", 0x9000)
        request = self._chain
        self._forget()
        return self._perform(request)

    def end_chain(self) -> None:
        """Forget the blocks received, as a variant does when commands come on the basic channel."""
        self._forget()

    def _forget(self) -> None:
        self._chain, self._next = b"", 0
        self._core.left_chain = (b"", 0)

    def _perform(self, request: bytes) -> ResponseApdu:
        tag = _tag_of(request)
        handler = self._handler(tag) if tag is not None else None
        function = tag if handler is not None else None
        if request[:2] == b"\xbf\x36" or (self._core.installer is not None and function is None):
            return self._load(request)
        if function is not None and not loading.command_between(self._core, function):
            return ResponseApdu(b"", 0x6985)
        if tag is None:
            if self._core.defective("malformed-request-is-ok"):
                return ResponseApdu(b"", 0x9000)
            return ResponseApdu(b"", 0x6A86 if self._core.varies("malformed-is-6a86") else 0x6A80)
        if handler is None or (tag == _LOAD_CRL and not self._loads_crl()):
            if self._core.defective("unknown-function-is-ok"):
                return ResponseApdu(b"", 0x9000)
            return ResponseApdu(b"", 0x6D00 if self._core.varies("unknown-function-is-6d00") else 0x6A88)
        self._core.channel = self._channel
        try:
            answer = handler(self._core, request)
        except (Asn1Error, tlv.TlvError):
            self._core.malformed(tag)
            return self._malformed(tag)
        except NotAllowed:
            return ResponseApdu(b"", 0x6985)
        if elements.is_sequence(tag) and self._core.varies("answers-with-unknown-element"):
            answer = elements.extended(answer)
        if self._core.defective("non-minimal-length"):
            answer = longer_length(answer)
        return ResponseApdu(answer, 0x9000)

    def _malformed(self, tag: int) -> ResponseApdu:
        """The answer to a request that cannot be read."""
        if tag in management.ERROR_RESULTS and self._core.varies("malformed-is-an-error-result"):
            type_name, value = management.ERROR_RESULTS[tag]
            return ResponseApdu(codec.encode(type_name, value), 0x9000)
        return ResponseApdu(b"", 0x6A86 if self._core.varies("malformed-is-6a86") else 0x6A80)

    def _loads_crl(self) -> bool:
        """Revocation lists are an option of an eUICC (SGP.22 5.7.12)."""
        core = self._core
        return "crlSupport" in core.settings.rsp_capability or core.defective("loads-crl-without-support")

    def _load(self, request: bytes) -> ResponseApdu:
        core = self._core
        if not loading.recognised(core, request):
            return ResponseApdu(b"", 0x6A88)
        try:
            answer = loading.load_segment(core, request)
        except NotAllowed:
            if core.defective("load-without-session-is-ok"):
                return ResponseApdu(b"", 0x9000)
            return ResponseApdu(b"", 0x6A88 if core.varies("load-without-session-is-6a88") else 0x6985)
        if answer and core.defective("non-minimal-length"):
            answer = longer_length(answer)
        return ResponseApdu(answer, 0x9000)

    def _handler(self, tag: int) -> Handler | None:
        """The function of a tag, if this eUICC has it."""
        core = self._core
        if core.settings.iot is not None and (tag in functions.HANDLERS or functions.handler(core, tag)):
            return functions.handler(core, tag)
        return _HANDLERS.get(tag) if functions.answers(core, tag) else None


def _tag_of(request: bytes) -> int | None:
    """The tag of a whole request; None for what is none, as most parts of a Bound Profile Package."""
    try:
        return tlv.parse(request).tag
    except tlv.TlvError:
        return None
