"""Where a server is, from its URL; ``https://`` may be left out."""

from __future__ import annotations

import re

from pytest_euicc.es9.errors import AddressFault

_HTTPS_PORT = 443
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\%]+)(?::(?P<port>[0-9]{1,5}))?")
_HOST_LENGTH, _LABEL_LENGTH = 253, 63


def https_authority(url: str) -> tuple[str, str, int]:
    """What follows ``https://``, the host and the port.

    Raises:
        AddressFault: the text is no HTTPS URL of a host. It may come from a card or a server, so that it is judged as
            it is, before a URL library leaves blanks and control characters out.
    """
    authority = url.removeprefix("https://").partition("/")[0]
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not authority.isprintable() or not _is_host(match["host"]):
        raise AddressFault(ascii(url), "not an address of a server; expected https://host[:port]")
    port = int(match["port"] or _HTTPS_PORT)
    if not 0 < port <= 0xFFFF:
        raise AddressFault(ascii(url), f"port {port}; expected 1 to 65535")
    return authority, match["host"].strip("[]").lower(), port


def same_server(one: str, other: str) -> bool:
    """Whether two addresses name one server: in any case of letters, the port of HTTPS written or not."""
    try:
        return https_authority(one)[1:] == https_authority(other)[1:]
    except AddressFault:
        return False


def _is_host(host: str) -> bool:
    """A name or an IP address that a resolver can be asked for (RFC 1035 2.3.4)."""
    if host.startswith("["):
        return True
    try:
        labels = host.encode("idna").decode("ascii").removesuffix(".").split(".")
    except UnicodeError:
        return False
    return sum(len(label) + 1 for label in labels) <= _HOST_LENGTH and all(
        0 < len(label) <= _LABEL_LENGTH for label in labels
    )
