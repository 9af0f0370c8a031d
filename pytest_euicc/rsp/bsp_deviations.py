"""Known errors of servers in the protection of a package, each as a Protection.

A tester tries them on a package that does not open, to say what is wrong with it; a simulated server with such a
defect protects its packages by one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.bsp import (
    BLOCK,
    KEY_LENGTH,
    MAC_LENGTH,
    Bsp,
    Derivation,
    Protection,
    SessionKeys,
    derive,
)

_MAC_ONLY = 0x88


@dataclass(frozen=True)
class Deviation:
    """One thing done wrong: what it is, in words that fit behind "it opens where", and the clause."""

    sentence: str
    clause: str
    protection: Protection


# ------------------------------------------------------------------ derivation of the session keys


def _material(secret: bytes, info: bytes) -> tuple[bytes, bytes, bytes]:
    made = X963KDF(hashes.SHA256(), 3 * KEY_LENGTH, info).derive(secret)
    return made[:16], made[16:32], made[32:]


def _without_host_id(secret: bytes, key_type: int, key_length: int, _host_id: bytes, eid: bytes) -> SessionKeys:
    return derive(secret, key_type, key_length, b"", eid)


def _without_eid(secret: bytes, key_type: int, key_length: int, host_id: bytes, _eid: bytes) -> SessionKeys:
    return derive(secret, key_type, key_length, host_id, b"")


def _eid_first(secret: bytes, key_type: int, key_length: int, host_id: bytes, eid: bytes) -> SessionKeys:
    return derive(secret, key_type, key_length, eid, host_id)


def _no_lengths(secret: bytes, key_type: int, key_length: int, host_id: bytes, eid: bytes) -> SessionKeys:
    chaining, encryption, mac = _material(secret, bytes([key_type, key_length]) + host_id + eid)
    return SessionKeys(encryption, mac, chaining)


def _keys_first(secret: bytes, key_type: int, key_length: int, host_id: bytes, eid: bytes) -> SessionKeys:
    right = derive(secret, key_type, key_length, host_id, eid)
    return SessionKeys(right.chaining_value, right.encryption, right.mac)


def _keys_exchanged(secret: bytes, key_type: int, key_length: int, host_id: bytes, eid: bytes) -> SessionKeys:
    right = derive(secret, key_type, key_length, host_id, eid)
    return SessionKeys(right.mac, right.encryption, right.chaining_value)


# ------------------------------------------------------------------ block counter and encryption


class _CounterFromZero(Bsp):
    def _icv(self, counter: int) -> bytes:
        return super()._icv(counter - 1)


class _CounterSkips88(Bsp):
    def _advance(self, tag: int, cmac: bytes) -> None:
        before = self._counter
        super()._advance(tag, cmac)
        if tag == _MAC_ONLY:
            self._counter = before


class _MetadataCountedOnce(Bsp):
    _metadata_counted = False

    def _advance(self, tag: int, cmac: bytes) -> None:
        before = self._counter
        super()._advance(tag, cmac)
        if tag == _MAC_ONLY and self._metadata_counted:
            self._counter = before
        self._metadata_counted = tag == _MAC_ONLY


class _CounterGoesOn(Bsp):
    def successor(self, keys: SessionKeys) -> Bsp:
        following = super().successor(keys)
        following._counter = self._counter
        return following


class _ZeroIcv(Bsp):
    def _icv(self, _counter: int) -> bytes:
        return bytes(BLOCK)


class _PlainIcv(Bsp):
    def _icv(self, counter: int) -> bytes:
        return counter.to_bytes(BLOCK, "big")


class _Electronic(Bsp):
    def _crypt(self, data: bytes, _counter: int, *, encrypt: bool) -> bytes:
        cipher = Cipher(algorithms.AES(self._keys.encryption), modes.ECB())  # noqa: S305  (what is wrong here)
        context = cipher.encryptor() if encrypt else cipher.decryptor()
        return context.update(data) + context.finalize()


# ------------------------------------------------------------------ MAC and its chain


class _Unchained(Bsp):
    def _advance(self, tag: int, cmac: bytes) -> None:
        super()._advance(tag, cmac)
        self._chaining_value = self._keys.chaining_value


class _ChainedByEight(Bsp):
    def _advance(self, tag: int, cmac: bytes) -> None:
        super()._advance(tag, cmac[:MAC_LENGTH])


class _ChainSkips88(Bsp):
    def _advance(self, tag: int, cmac: bytes) -> None:
        super()._advance(tag, self._chaining_value if tag == _MAC_ONLY else cmac)


class _ChainGoesOn(Bsp):
    def successor(self, keys: SessionKeys) -> Bsp:
        following = super().successor(keys)
        following._chaining_value = self._chaining_value
        return following


class _ContentMac(Bsp):
    def _cmac(self, _header: bytes, data: bytes) -> bytes:
        return super()._cmac(b"", data)


class _LengthWithoutMac(Bsp):
    def _cmac(self, header: bytes, data: bytes) -> bytes:
        return super()._cmac(header[:1] + tlv.encode_length(len(data)), data)


class _LastOctets(Bsp):
    def _shown(self, cmac: bytes) -> bytes:
        return cmac[-MAC_LENGTH:]


class _OldKeys(Bsp):
    def successor(self, _keys: SessionKeys) -> Bsp:
        return self


class _OldMacKey(Bsp):
    def successor(self, keys: SessionKeys) -> Bsp:
        return super().successor(SessionKeys(keys.encryption, self._keys.mac, keys.chaining_value))


# ------------------------------------------------------------------ padding


class _CountPadding(Bsp):
    def _padded(self, data: bytes, _mark: bytes = b"\x80") -> bytes:
        missing = BLOCK - len(data) % BLOCK
        return data + bytes([missing]) * missing

    def _unpadded(self, padded: bytes) -> bytes | None:
        missing = padded[-1]
        right = 1 <= missing <= BLOCK and padded.endswith(bytes([missing]) * missing)
        return padded[:-missing] if right else None


class _PaddedWhenNeeded(Bsp):
    def _padded(self, data: bytes, mark: bytes = b"\x80") -> bytes:
        return data if data and len(data) % BLOCK == 0 else super()._padded(data, mark)

    def _unpadded(self, padded: bytes) -> bytes | None:
        plain = super()._unpadded(padded)
        return padded if plain is None else plain


def _keys(sentence: str, derivation: Derivation) -> Deviation:
    return Deviation(sentence, "2.6.4.2", Protection(derive=derivation))


def _segments(sentence: str, bsp: type[Bsp], clause: str = "2.6.4") -> Deviation:
    return Deviation(sentence, clause, Protection(bsp=bsp))


DEVIATIONS: dict[str, Deviation] = {
    "keys-without-host-id": _keys("the keys are derived without the host identifier", _without_host_id),
    "keys-without-eid": _keys("the keys are derived without the EID", _without_eid),
    "keys-with-eid-first": _keys("the keys are derived with the EID before the host identifier", _eid_first),
    "keys-without-lengths": _keys("the keys are derived without the lengths of host identifier and EID", _no_lengths),
    "keys-in-other-order": _keys("S-ENC, S-MAC, chaining value is the order of the derived keys", _keys_first),
    "keys-exchanged": _keys("S-ENC and S-MAC are exchanged", _keys_exchanged),
    "counter-from-0": _segments("the block counter starts at 0", _CounterFromZero),
    "counter-skips-88": _segments("88 segments are not counted by the block counter", _CounterSkips88),
    "counter-takes-metadata-as-one": _segments(
        "all 88 segments together are counted as one by the block counter", _MetadataCountedOnce
    ),
    "counter-goes-on": _segments("the block counter goes on after ReplaceSessionKeys", _CounterGoesOn, "5.5.4"),
    "icv-zero": _segments("the ICV is zero", _ZeroIcv),
    "icv-not-encrypted": _segments("the ICV is the block counter itself, not encrypted", _PlainIcv),
    "encrypted-without-chaining": _segments("each block is encrypted separately (ECB)", _Electronic),
    "mac-not-chained": _segments("every MAC is chained to the initial chaining value", _Unchained),
    "mac-chained-by-8": _segments("8 octets of the MAC before are chained, not 16", _ChainedByEight),
    "mac-chain-skips-88": _segments("the MAC of 88 segments is not chained", _ChainSkips88),
    "mac-chain-goes-on": _segments("the MAC chain goes on after ReplaceSessionKeys", _ChainGoesOn, "5.5.4"),
    "mac-without-header": _segments("the MAC does not cover tag and length", _ContentMac),
    "mac-over-shorter-length": _segments("the MAC covers a length without its own 8 octets", _LengthWithoutMac),
    "mac-of-last-octets": _segments("the last 8 octets of the C-MAC are sent, not the first", _LastOctets),
    "old-keys": _segments("the session keys stay in use after ReplaceSessionKeys", _OldKeys, "5.5.4"),
    "old-mac-key": _segments("S-MAC stays in use after ReplaceSessionKeys", _OldMacKey, "5.5.4"),
    "padding-by-count": _segments("the padding is that of PKCS #7", _CountPadding),
    "padding-left-out": _segments("whole blocks are not padded", _PaddedWhenNeeded),
}
"""Every deviation by its name."""
