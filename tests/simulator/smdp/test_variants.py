"""Each permitted variant of the SM-DP+ shows, only when asked for, and downloads go on with all that go together."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from pytest_euicc.es9.inspection import handshake
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.iut.smdp.simulated import SimulatedSmdp
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.messages import Request
from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
from pytest_euicc.simulator.smdp.http.styles import Styles
from pytest_euicc.simulator.smdp.service import SmdpService
from pytest_euicc.simulator.smdp.variants import VARIANTS
from pytest_euicc.simulator.smdp.variants.answers import OF_ANSWERS
from pytest_euicc.simulator.smdp.variants.functions import OF_FUNCTIONS
from pytest_euicc.simulator.smdp.variants.listeners import LISTENER_VARIANTS
from pytest_euicc.simulator.smdp.variants.profiles import OF_PROFILES
from pytest_euicc.simulator.variant import UnknownVariant, compatible, known_variants
from tests.support.smdp_features import of_answers, of_functions, of_inventory
from tests.support.smdp_peer import HOST, UPP, Peer

NONE: frozenset[str] = frozenset()


@cache
def usual_functions() -> list[object]:
    return of_functions(NONE)


@pytest.mark.parametrize("name", [variant.name for variant in OF_FUNCTIONS])
def test_a_variant_of_functions_shows(name: str) -> None:
    assert of_functions(frozenset({name})) != usual_functions()


def test_without_variants_nothing_differs() -> None:
    assert of_functions(NONE) == usual_functions()


@pytest.fixture(scope="module")
def server() -> Iterator[SmdpServer]:
    with SmdpServer(SmdpService(), ports=Ports(brainpool=None, es2=None)) as running:
        yield running


@pytest.mark.parametrize("name", [variant.name for variant in OF_ANSWERS])
def test_a_variant_of_answers_shows(server: SmdpServer, name: str) -> None:
    if name == "answers-late":
        assert Styles(lambda: {name}).delay() > Styles(lambda: NONE).delay() == 0
    elif name == "large-body-answered-500":
        assert (Styles(lambda: {name}).status(413), Styles(lambda: NONE).status(413)) == (500, 413)
    elif name == "sends-in-pieces":
        assert pieces({name}) > pieces(NONE)
    else:
        assert of_answers(server, frozenset({name})) != of_answers(server, NONE)


def test_a_path_that_calls_no_function_may_have_no_answer(server: SmdpServer) -> None:
    seen = of_answers(server, frozenset({"path-closes-connection"}))
    assert [each for each in seen if isinstance(each, tuple)] == [("noSuchFunction", "closed")]


def pieces(variants: set[str] | frozenset[str]) -> int:
    """Into how many pieces a long answer falls."""
    answer = Styles(lambda: variants).answer(200, bytes(3000), "application/json", {})
    return len(list(answer.octets(Request("POST", "/"), last=False)))


@pytest.mark.parametrize("name", [variant.name for variant in OF_PROFILES])
def test_a_variant_of_what_is_held_shows(name: str) -> None:
    assert of_inventory(frozenset({name})) != of_inventory(NONE)


# ---------------------------------------------------------------- listeners


def shown(variants: frozenset[str]) -> list[object]:
    """What TLS clients see of a listener."""
    service = SmdpService()
    server = SmdpServer(service, ports=Ports(brainpool=None, es2=None))
    server.listener_variants = variants
    with server:
        url = server.url("nist", HOST)
        settings = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"}, maximum="1.2")
        made = handshake(url, settings)
        certificate = made.chain[0].x509
        of_client = handshake(url, TlsSettings(settings.trust, resolve=settings.resolve, maximum="1.2", ciphers=_BOTH))
        idle = server.idle_seconds
        facts = [
            len(made.chain),
            len(made.chain[0].host_names),
            len(certificate.extensions),
            certificate.not_valid_after_utc.year,
        ]
        return [*facts, of_client.cipher, idle, *_spoken(server)]


_BOTH = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"


def _spoken(server: SmdpServer) -> list[object]:
    """The protocol agreed on, whether a ticket came, and whether X25519 alone is enough."""
    context = server._context("nist")
    found: list[object] = [context.num_tickets, bool(context.options & ssl.OP_NO_TICKET)]
    client = ssl.create_default_context(cadata=default_pki().ci().der)
    client.set_alpn_protocols(["h2", "http/1.1"])
    found.append(_over_memory(context, client, lambda ours: ours.selected_alpn_protocol()))
    client.set_ecdh_curve("X25519")
    found.append(_over_memory(context, client, lambda ours: ours.version()))
    return found


def _over_memory(server: ssl.SSLContext, client: ssl.SSLContext, ask: Callable[[ssl.SSLObject], object]) -> object:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname="localhost")
    theirs = server.wrap_bio(up, down, server_side=True)
    try:
        for _ in range(4):
            for side in (ours, theirs):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
    except ssl.SSLError as error:
        return error.reason
    return ask(ours)


@pytest.mark.parametrize("name", LISTENER_VARIANTS)
def test_a_variant_of_listeners_shows(name: str) -> None:
    assert shown(frozenset({name})) != shown(NONE)


# ---------------------------------------------------------------- together


def combinations(count: int) -> Iterator[frozenset[str]]:
    """Seeded sets of variants that go together."""
    chance = random.Random(7)
    for _ in range(count):
        chosen: frozenset[str] = NONE
        for name in chance.sample(sorted(VARIANTS), 25):
            if compatible(chosen | {name}, VARIANTS):
                chosen |= {name}
        yield chosen


@pytest.mark.parametrize("variants", list(combinations(6)), ids=range(6))
@pytest.mark.parametrize("curve", ["nist", "brainpool"])
def test_a_download_under_variants(variants: frozenset[str], curve: str) -> None:
    from pytest_euicc.conformance.files.orders import OrderWish

    server = SimulatedSmdp(default_pki(), variants=variants)
    try:
        server.begin(3)
        order = server.offer(OrderWish(package=UPP))
        peer = Peer(server.client("nist" if curve == "nist" else "brainpool"), curve)
        address = server.address
        assert not peer.initiate(address).failed
        assert not peer.authenticate(order.matching_id).failed
        assert peer.open(peer.package()).profile == UPP
        assert peer.client.handle_notification(peer.result()).status == 204
        peer.initiate(address)
        assert peer.authenticate(order.matching_id).status_code in ("8.2.6/3.8", "8.2/1.2")
    finally:
        server.close()


def test_variants_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="no variant nonsense"):
        SmdpService(variants=frozenset({"nonsense"}))
    with pytest.raises(UnknownVariant, match="--variant: no variant 'nonsense'; `pytest-euicc variants`"):
        known_variants("--variant", ["nonsense"], VARIANTS)
    with pytest.raises(UnknownVariant, match="low-s and high-s exclude each other"):
        known_variants("--variant", ["low-s", "high-s"], VARIANTS)
