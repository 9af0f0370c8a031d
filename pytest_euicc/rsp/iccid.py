"""The two codings of an ICCID that meet in a download.

SGP.22 and EF ICCID have the digits with swapped nibbles (ETSI TS 102 221 13.2): ``98001032…``. The header of a profile
package has them in their natural order (TCA IFS 8.2, as the published TS.48 packages show): ``89000123…``.
"""

from __future__ import annotations


def swapped(octets: bytes) -> bytes:
    """The other coding: every octet with its nibbles swapped."""
    return bytes(octet >> 4 | (octet & 0x0F) << 4 for octet in octets)
