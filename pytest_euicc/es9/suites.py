"""Cipher suites by the names of the IANA registry: their numbers, and what OpenSSL calls them."""

from __future__ import annotations

from collections.abc import Iterable

SUITES: dict[str, tuple[int, str]] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": (0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": (0xC02C, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": (0xC023, "ECDHE-ECDSA-AES128-SHA256"),
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384": (0xC024, "ECDHE-ECDSA-AES256-SHA384"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": (0xC009, "ECDHE-ECDSA-AES128-SHA"),
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": (0xC00A, "ECDHE-ECDSA-AES256-SHA"),
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": (0xC013, "ECDHE-RSA-AES128-SHA"),
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": (0xC014, "ECDHE-RSA-AES256-SHA"),
    "TLS_AES_128_GCM_SHA256": (0x1301, "TLS_AES_128_GCM_SHA256"),
    "TLS_AES_256_GCM_SHA384": (0x1302, "TLS_AES_256_GCM_SHA384"),
    "TLS_CHACHA20_POLY1305_SHA256": (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    "TLS_AES_128_CCM_SHA256": (0x1304, "TLS_AES_128_CCM_SHA256"),
    # Without forward secrecy: RSA key transport, and ECDH with the key of the certificate, which OpenSSL no longer has.
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA": (0x000A, "DES-CBC3-SHA"),
    "TLS_RSA_WITH_AES_128_CBC_SHA": (0x002F, "AES128-SHA"),
    "TLS_RSA_WITH_AES_256_CBC_SHA": (0x0035, "AES256-SHA"),
    "TLS_RSA_WITH_AES_128_CBC_SHA256": (0x003C, "AES128-SHA256"),
    "TLS_RSA_WITH_AES_256_CBC_SHA256": (0x003D, "AES256-SHA256"),
    "TLS_RSA_WITH_AES_128_GCM_SHA256": (0x009C, "AES128-GCM-SHA256"),
    "TLS_RSA_WITH_AES_256_GCM_SHA384": (0x009D, "AES256-GCM-SHA384"),
    "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA": (0xC004, ""),
    "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA": (0xC005, ""),
    "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256": (0xC025, ""),
    "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384": (0xC026, ""),
    "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256": (0xC02D, ""),
    "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384": (0xC02E, ""),
}
"""Number and OpenSSL's name, which is empty where OpenSSL 3 does not have the suite."""


def number_of(name: str) -> int:
    """The number of a suite; raises KeyError."""
    return SUITES[name][0]


def name_of(number: int) -> str:
    """The name of a number; hex digits where it is not in the table."""
    return next((name for name, (known, _) in SUITES.items() if known == number), f"{number:04X}")


def iana_name(openssl: str) -> str:
    """The IANA name of a suite by its OpenSSL name; unchanged if it is not in the table."""
    return next((name for name, (_, known) in SUITES.items() if known == openssl), openssl)


def openssl_names(names: Iterable[str]) -> str:
    """A list of suites in OpenSSL's notation.

    Raises:
        ValueError: OpenSSL cannot offer one of them.
    """
    found = [(name, SUITES[name][1]) for name in names]
    unknown = [name for name, known in found if not known]
    if unknown:
        raise ValueError(f"OpenSSL has no {unknown[0]}; offer it without a handshake")
    return ":".join(known for _, known in found)
