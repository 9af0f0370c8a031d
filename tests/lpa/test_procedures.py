"""The LPA between the simulated eUICC and the simulated SM-DP+, over HTTPS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.card.channel import Card
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import NameMismatch, ServerUnreachable, UnknownIssuer
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import Isdr, Reply
from pytest_euicc.lpa import (
    ActivationCode,
    ActivationCodeError,
    DownloadCancelled,
    EuiccRefused,
    InstallationFailed,
    Lpa,
    ServerRefused,
    SessionMismatch,
    UnreadableAnswer,
)
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.pki import TestPki, default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.orders import Order, State

ICCID = bytes.fromhex("98001032547698103254")
HOST = "testsmdpplus1.example.com"


pytest_plugins = ["tests.support.smdp_fixtures"]


@pytest.fixture
def order(order: Callable[..., Order]) -> Callable[..., Order]:
    """Put one profile that the simulated eUICC can install, and no other, into the server."""
    return lambda **fields: order(**({"octets": profile_package.build(ICCID)} | fields))


def isdr(**settings: Any) -> Isdr:
    card = Card(SimTransport(SimulatedEuicc(EuiccSettings(**settings))))
    card.connect()
    client = Isdr(card.open_channel())
    assert client.select().ok
    return client


@pytest.fixture
def lpa(server: SmdpServer) -> Iterator[Callable[..., Lpa]]:
    made = []

    def make(client: Isdr, curve: str = "nist") -> Lpa:
        tls = TlsSettings(default_pki().trust(), curve, resolve={HOST: "127.0.0.1"})  # type: ignore[arg-type]
        made.append(Lpa(client, lambda _address: Es9Client(server.url(curve, HOST), tls)))
        return made[-1]

    yield make
    for assistant in made:
        assistant.close()


@pytest.mark.parametrize("mode", ["session", "random"])
@pytest.mark.parametrize("curve", ["nist", "brainpool"])
def test_download_enable_notify(lpa: Callable[..., Lpa], order: Callable[..., None], curve: str, mode: str) -> None:
    order(keys=mode)
    client = isdr(signing=(curve,), verification=(curve,), profiles=())
    assistant = lpa(client, curve)
    installation = assistant.download(f"LPA:1${HOST}$TOKEN-1")
    assert installation.iccid == ICCID
    assert client.enable_profile(ICCID) == 0
    report = assistant.process_notifications()
    assert report.kept == []
    assert report.delivered
    assert client.list_notification() == ("notificationMetadataList", [])


def test_confirmation_code(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order(confirmation_code="1234")
    client = isdr(profiles=())
    code = ActivationCode(HOST, "TOKEN-1", None, confirmation_code_required=True)
    with pytest.raises(DownloadCancelled, match="postponed: a confirmation code is required"):
        lpa(client).download(code)
    with pytest.raises(ServerRefused, match=r"8\.2\.7/3\.8") as caught:
        lpa(client).download(code, confirmation_code="9999")
    assert (caught.value.subject, caught.value.reason) == ("8.2.7", "3.8")
    assert lpa(client).download(code, confirmation_code="1234").iccid == ICCID


def test_the_user_says_no(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    seen = []

    def refuse(metadata: Any) -> bool:
        seen.append(metadata.iccid)
        return False

    with pytest.raises(DownloadCancelled, match="endUserRejection"):
        lpa(isdr(profiles=())).download(f"1${HOST}$TOKEN-1", consent=refuse)
    assert seen == [ICCID]


def test_a_wrong_token(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    with pytest.raises(ServerRefused, match=r"8\.2\.6/3\.8"):
        lpa(isdr()).download(f"1${HOST}$NO-SUCH")


def test_another_server_than_the_code_names(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    with pytest.raises(SessionMismatch, match=r"names SM-DP\+ 2\.999\.77"):
        lpa(isdr()).download(f"1${HOST}$TOKEN-1$2.999.77")


def test_a_card_of_another_ci(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    card = Card(SimTransport(SimulatedEuicc(EuiccSettings(), TestPki("another world"))))
    card.connect()
    client = Isdr(card.open_channel())
    client.select()
    with pytest.raises(ServerRefused, match=r"8\.8\.2/3\.1"):
        lpa(client).download(f"1${HOST}$TOKEN-1")


def test_memory_is_full(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    client = isdr(profiles=(), memory=500)
    with pytest.raises((InstallationFailed, ServerRefused), match=r"InsufficientMemory|8\.1/4\.8"):
        lpa(client).download(f"1${HOST}$TOKEN-1")
    assert client.get_profiles_info()[1] == []


def test_a_forbidden_rule(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order(metadata={"ppr": ["ppr1"], "owner": {"mcc_mnc": "99F999"}})
    with pytest.raises(DownloadCancelled, match="pprNotAllowed: ppr1"):
        lpa(isdr(profiles=())).download(f"1${HOST}$TOKEN-1")


def test_servers_that_cannot_be_trusted_or_reached(server: SmdpServer) -> None:
    client = isdr()

    def download(url: str, tls: TlsSettings) -> None:
        with Lpa(client, lambda _address: Es9Client(url, tls)) as assistant:
            assistant.download(f"1${HOST}$TOKEN-1")

    trust = default_pki().trust()
    with pytest.raises(UnknownIssuer):
        download(server.url("nist", HOST), TlsSettings(TestPki("else").trust(), resolve={HOST: "127.0.0.1"}))
    other = {"other.example.com": "127.0.0.1"}
    with pytest.raises(NameMismatch):
        download(server.url("nist", "other.example.com"), TlsSettings(trust, resolve=other))
    with pytest.raises(ServerUnreachable):
        download("https://127.0.0.1:9", TlsSettings(trust))


def test_an_installed_iccid(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    client = isdr(profiles=())
    order()
    lpa(client).download(f"1${HOST}$TOKEN-1")
    order()
    with pytest.raises(InstallationFailed, match="IccidAlreadyExists") as caught:
        lpa(client).download(f"1${HOST}$TOKEN-1")
    assert caught.value.command == "storeMetadata"
    numbers = [entry["seqNumber"] for entry in client.list_notification("notificationInstall")[1]]
    assert caught.value.sequence_number in numbers


def test_no_session_to_cancel(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    assistant = lpa(isdr(profiles=()))
    session = assistant.authenticate(HOST, "TOKEN-1")
    assistant.cancel(session, "timeout")
    with pytest.raises(EuiccRefused, match="invalidTransactionId"):
        assistant.cancel(session, "timeout")


class Garbled(Isdr):
    """An ISD-R whose answers to one function lack their last octet."""

    def send(self, function: str, octets: bytes) -> Reply:
        reply = super().send(function, octets)
        return replace(reply, octets=reply.octets[:-1]) if function == "load_bound_profile_package" else reply


def test_an_installation_result_that_cannot_be_read(lpa: Callable[..., Lpa], order: Callable[..., None]) -> None:
    order()
    with pytest.raises(UnreadableAnswer, match=r"LoadBoundProfilePackage: the answer cannot be read: .*5\.7\.6"):
        lpa(Garbled(isdr(profiles=()).channel)).download(f"1${HOST}$TOKEN-1")


class Stubborn(Isdr):
    """An ISD-R that takes the first segments of a package and then answers 6985."""

    taken = 3

    def send(self, function: str, octets: bytes) -> Reply:
        reply = super().send(function, octets)
        if function != "load_bound_profile_package":
            return reply
        self.taken -= 1
        return reply if self.taken >= 0 else replace(reply, octets=b"", sw=0x6985)


def test_a_load_that_breaks_off_is_cancelled(lpa: Callable[..., Lpa], order: Callable[..., Order]) -> None:
    ordered = order()
    client = Stubborn(isdr(profiles=()).channel)
    with pytest.raises(EuiccRefused, match="6985 at segment 4"):
        lpa(client).download(f"1${HOST}$TOKEN-1")
    assert ordered.state is State.ERROR
    refused = client.send("load_bound_profile_package", bytes.fromhex("BF3603BF2300"))
    assert refused.sw == 0x6985, "the eUICC still has the session"


@pytest.mark.parametrize(
    ("announced", "reason"),
    [({"profileName": "Another"}, "metadataMismatch"), ({"profilePolicyRules": (b"\x20", 3)}, "pprNotAllowed")],
)
def test_a_package_with_other_metadata(
    lpa: Callable[..., Lpa], order: Callable[..., Order], announced: dict[str, Any], reason: str
) -> None:
    ordered = order()
    assistant = lpa(isdr(profiles=()))
    session = assistant.authenticate(HOST, "TOKEN-1")
    assert session.metadata is not None
    session.metadata = Metadata.read(codec.encode("StoreMetadataRequest", session.metadata.value | announced))
    assistant.prepare(session)
    with pytest.raises(DownloadCancelled, match=reason):
        assistant.install(session)
    assert ordered.state is State.ERROR


def test_a_package_whose_metadata_cannot_be_read(lpa: Callable[..., Lpa], order: Callable[..., Order]) -> None:
    ordered = order()
    assistant = lpa(isdr(profiles=()))
    session = assistant.authenticate(HOST, "TOKEN-1")
    assistant.prepare(session)
    announced = session.bound_profile_package
    session.bound_profile_package = announced.replace(bytes.fromhex("BF25"), bytes.fromhex("BF26"), 1)
    assert session.bound_profile_package != announced
    with pytest.raises(UnreadableAnswer, match="GetBoundProfilePackage"):
        assistant.install(session)
    assert ordered.state is State.ERROR


def test_notifications_to_one_address_keep_their_order() -> None:
    client = isdr()
    first = client.get_profiles_info()[1][0]["iccid"]
    client.enable_profile(first, refresh=False)
    client.disable_profile(first, refresh=False)
    with Lpa(
        client, lambda _address: Es9Client("https://127.0.0.1:9", TlsSettings(default_pki().trust()))
    ) as assistant:
        kept = assistant.process_notifications().kept
    assert "127.0.0.1:9" in kept[0].reason
    assert [fault.reason[:24] for fault in kept[1:]] == ["waits for notification 1"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("LPA:1$smdp.example.com$ABC-1", ActivationCode("smdp.example.com", "ABC-1")),
        ("1$smdp.example.com:8443$", ActivationCode("smdp.example.com:8443")),
        ("lpa:1$s.example$X$2.999.10", ActivationCode("s.example", "X", "2.999.10")),
        ("1$s.example$X$$1", ActivationCode("s.example", "X", None, confirmation_code_required=True)),
        ("1$s.example$X$2.999.10$1$more", ActivationCode("s.example", "X", "2.999.10", True)),
    ],
)
def test_activation_codes(text: str, code: ActivationCode) -> None:
    assert ActivationCode.parse(text) == code
    assert ActivationCode.parse(str(code)) == code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2$s.example$X", "format '2'"),
        ("1$s.example", "2 parts"),
        ("1$s example$X", "not a host name"),
        ("1$s.example$x_y", "capital letters"),
        ("1$s.example$X$abc", "not a dotted object identifier"),
        ("1$s.example$X$$yes", "'1' or nothing"),
        ("1$s.example$" + "X" * 300, "255"),
    ],
)
def test_activation_codes_that_are_none(text: str, words: str) -> None:
    with pytest.raises(ActivationCodeError, match=words):
        ActivationCode.parse(text)
