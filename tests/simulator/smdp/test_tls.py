"""TLS with an SM-DP+ under control: hand-made ClientHellos say what they mean, each deviation of a listener shows."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import cast

import pytest

from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.es9 import errors
from pytest_euicc.es9.client_hello import HelloAnswer, client_hello, offer
from pytest_euicc.es9.inspection import Handshake, handshake
from pytest_euicc.es9.suites import SUITES, openssl_names
from pytest_euicc.es9.tls import limit_versions
from pytest_euicc.interfaces.es9plus.tls import facts
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.prove.runner import Reached
from pytest_euicc.rsp.certificates import CertificateFault, Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.rsp.verification import verify_chain
from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
from pytest_euicc.simulator.smdp.http.tls import listener_context
from tests.support.rough_server import TLS, good_context, speaking
from tests.support.smdp_peer import HOST, Peer

MODERN = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]
OLD = ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"]
STATIC = ["TLS_RSA_WITH_AES_128_GCM_SHA256"]


@contextmanager
def listening(context: ssl.SSLContext) -> Iterator[str]:
    with speaking(lambda connection: connection.close(), context) as port:
        yield f"https://{HOST}:{port}"


def offered(url: str, version: str = "1.2", suites: list[str] = MODERN) -> HelloAnswer:
    return offer(url, TLS, version, suites, bytes(32))  # type: ignore[arg-type]


def test_an_offer_that_is_taken_and_one_that_is_not() -> None:
    with listening(good_context()) as url:
        taken = offered(url)
        assert (taken.version, taken.suite, taken.refused) == ("1.2", MODERN[0], False)
        old = offered(url, "1.1", OLD)
        assert (old.refused, old.alert) == (True, "protocol_version")
        static = offered(url, suites=STATIC)
        assert (static.refused, static.alert) == (True, "handshake_failure")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_old_version_is_really_offered(version: str) -> None:
    context = good_context()
    context.set_ciphers("ECDHE+ECDSA+AES@SECLEVEL=0")
    limit_versions(context, "1.0", "1.3")
    with listening(context) as url:
        assert (offered(url, version, OLD).version, offered(url, version, OLD).suite) == (version, OLD[0])


def test_the_host_is_named_and_an_address_is_not() -> None:
    named = []
    context = good_context()
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    with speaking(lambda connection: connection.close(), context) as port:
        offered(f"https://{HOST}:{port}")
        offered(f"https://127.0.0.1:{port}")
    assert named == [HOST, None]


def test_what_is_in_a_client_hello() -> None:
    octets = client_hello(HOST, "1.1", [*OLD, *STATIC], "brainpool", bytes(range(32)))
    assert octets[:3].hex() == "160301"
    assert int.from_bytes(octets[3:5], "big") == len(octets) - 5
    assert octets[9:43] == b"\x03\x02" + bytes(range(32))
    # No session, two suites, no compression.
    assert octets[43:52].hex() == "00" + "0004" + "c009" + "009c" + "0100"
    assert b"\0\x0a\0\x04\0\x02\0\x1a" in octets
    # extended_master_secret, without which a server may refuse (RFC 7627 5.3).
    assert octets.endswith(b"\0\x17\0\0")


def test_suites_have_the_numbers_that_openssl_gives_them() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    known = {cipher["name"]: int(cipher["id"]) & 0xFFFF for cipher in context.get_ciphers()}
    for name, (number, openssl) in SUITES.items():
        if openssl in known:
            assert known[openssl] == number, name
    assert sum(openssl in known for _, openssl in SUITES.values()) > 15
    with pytest.raises(ValueError, match="OpenSSL has no TLS_ECDH_ECDSA"):
        openssl_names(["TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA"])


def tell(octets: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(octets)

    return answer


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not TLS; it begins 'HTTP/"),
        (bytes.fromhex("16030300080200000403030000"), "truncated"),
    ],
)
def test_answers_to_an_offer_that_are_no_tls(octets: bytes, said: str) -> None:
    with speaking(tell(octets), None) as port, pytest.raises(errors.NotTls, match=said):
        offered(f"https://{HOST}:{port}")


@pytest.mark.parametrize(
    ("octets", "alert"),
    [(b"", ""), (bytes.fromhex("15030300020228"), "handshake_failure"), (b"\x15\x03\x03\0\x02\x02\xee", "238")],
)
def test_refusals_of_an_offer(octets: bytes, alert: str) -> None:
    with speaking(tell(octets), None) as port:
        answer = offered(f"https://{HOST}:{port}")
    assert (answer.refused, answer.alert, answer.received) == (True, alert, octets)


WARNING = bytes.fromhex("15030300020170")
HELLO = bytes.fromhex("160303002a020000260303") + bytes(32) + bytes.fromhex("00c02b00")


@pytest.mark.parametrize(
    ("octets", "refused", "alert"),
    [
        (WARNING, True, "unrecognized_name"),
        (WARNING + HELLO, False, ""),
        (WARNING + bytes.fromhex("15030300020246"), True, "protocol_version"),
        (bytes.fromhex("15030300020100"), True, "close_notify"),
    ],
)
def test_a_warning_is_no_refusal_where_something_follows(octets: bytes, refused: bool, alert: str) -> None:
    with speaking(tell(octets), None) as port:
        answer = offered(f"https://{HOST}:{port}")
    assert (answer.refused, answer.alert) == (refused, alert)


def test_an_offer_that_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(errors.ServerUnreachable, match="nothing listens"):
        offered(f"https://{HOST}:{port}")


# ---------------------------------------------------------------- deviations


def certificate_fault(made: Handshake) -> str:
    try:
        verify_chain(made.chain, default_pki().trust(), Role.DP_TLS, at=datetime.now(UTC))
    except CertificateFault as fault:
        return fault.kind.value
    return ""


def seen(deviations: frozenset[str]) -> dict[str, object]:
    """What there is to see of a listener."""
    with listening(listener_context(default_pki(), "nist", [], deviations)) as url:
        try:
            made = handshake(url, TLS)
        except errors.TlsError:
            made = None
        return {
            "version": made.version if made else "refused",
            "fault": certificate_fault(made) if made else "",
            "names": facts(made.chain[0])["names"] if made else [],
            "old": offered(url, "1.1", OLD).refused,
            "static": offered(url, suites=STATIC).refused,
            "gcm": offered(url).refused,
        }


@pytest.mark.parametrize("name", [name for name in TLS_DEFECTS if name != "brainpool-listener-on-nist"])
def test_each_deviation_of_a_listener_shows(name: str) -> None:
    clean, odd = seen(frozenset()), seen(frozenset({name}))
    assert clean == {
        "version": "TLSv1.3", "fault": "", "names": clean["names"], "old": True, "static": True, "gcm": False
    }  # fmt: skip
    assert odd != clean


def test_the_brainpool_listener_deviates() -> None:
    context = listener_context(default_pki(), "brainpool", [], frozenset({"brainpool-listener-on-nist"}))
    with listening(context) as url:
        assert handshake(url, TLS).chain[0].curve == "secp256r1"


def test_listeners_start_anew_when_their_tls_is_to_deviate() -> None:
    with closing(SimulatedSmdp(default_pki())) as smdp:
        smdp.begin(1)
        held = smdp.offer(OrderWish())
        assert handshake(*smdp.endpoint("nist")).version == "TLSv1.3"
        assert not Peer(smdp.client("nist")).begin(held.matching_id).failed
        smdp.defects = frozenset({"no-tls-1.3", "ignores-svn"})
        # Also without anybody having looked at TLS: the client is another, the orders are the same.
        assert not Peer(smdp.client("nist"), svn=b"\3\0\0").begin(held.matching_id).failed
        assert handshake(*smdp.endpoint("nist")).version == "TLSv1.2"
        smdp.defects = frozenset()
        assert handshake(*smdp.endpoint("nist")).version == "TLSv1.3"
        assert not Peer(smdp.client("nist")).begin(held.matching_id).failed


def test_tls_is_asked_for_by_those_who_connect_alone() -> None:
    with closing(SimulatedSmdp(default_pki())) as smdp:
        smdp.begin(1)
        asked = Reached()
        smdp.defects = cast("frozenset[str]", asked)
        Peer(smdp.client("nist")).initiate()
        assert not asked.names & TLS_DEFECTS.keys()
        smdp.endpoint("nist")
        assert asked.names >= TLS_DEFECTS.keys()
