"""The groups that a TLS client offers for the key agreement, several of them also before Python 3.15.

OpenSSL takes a server's certificate only on a curve that is among the groups offered (RFC 8422 5.1.1). A client for
Brainpool certificates must therefore offer brainpoolP256r1, and P-256 beside it for servers that agree on keys there.
Since Python 3.15 `ssl.SSLContext.set_groups` takes several; `set_ecdh_curve` of all versions takes one.
"""

from __future__ import annotations

import platform
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

_SET_GROUPS_LIST = 92
"""SSL_CTRL_SET_GROUPS_LIST of openssl/ssl.h since OpenSSL 1.1.1; SSL_CTX_set1_groups_list is a macro for it."""


def offer(context: ssl.SSLContext, groups: Sequence[str]) -> None:
    """Let a context offer these groups, in OpenSSL's names; the first alone where there is no way to offer more."""
    names = ":".join(groups)
    own = getattr(context, "set_groups", None)
    if own is not None:
        own(names)
    elif not (can_offer_several() and _set_groups_list(context, names)):
        context.set_ecdh_curve(groups[0])


def can_offer_several() -> bool:
    """Whether `offer` takes more than the first group."""
    return hasattr(ssl.SSLContext, "set_groups") or _ctx_ctrl() is not None


@cache
def _ctx_ctrl() -> Any:
    """SSL_CTX_ctrl of the OpenSSL that the ssl module uses; None where it cannot be called."""
    import _ssl
    import ctypes

    if platform.python_implementation() != "CPython":
        return None
    try:
        # A handle on the extension module finds what is in the libraries it is linked with, and no other OpenSSL.
        function = ctypes.CDLL(getattr(_ssl, "__file__", None)).SSL_CTX_ctrl
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p)
    function.restype = ctypes.c_long
    return function


def _set_groups_list(context: ssl.SSLContext, names: str) -> bool:
    import ctypes

    # In every CPython without set_groups the first thing in an SSLContext, behind its object header, is the SSL_CTX.
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    return bool(_ctx_ctrl()(pointer, _SET_GROUPS_LIST, 0, names.encode()) == 1)
