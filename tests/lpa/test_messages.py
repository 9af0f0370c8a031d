"""What a test engineer reads when a download goes wrong: the step, both sides' codes, where to look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import NameMismatch, UnknownIssuer
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa import EuiccRefused, InstallationFailed, Lpa, ServerRefused
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.pki import TestPki, default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.orders import Order

pytest_plugins = ["tests.support.smdp_fixtures"]

HOST = "testsmdpplus1.example.com"
ICCID = bytes.fromhex("98001032547698103254")


def download(
    server: SmdpServer, *, host: str = HOST, trust: TestPki | None = None, pki: TestPki | None = None, **settings: Any
) -> bytes:
    card = Card(SimTransport(SimulatedEuicc(EuiccSettings(profiles=(), **settings), pki)))
    card.connect()
    isdr = Isdr(card.open_channel())
    isdr.select()
    tls = TlsSettings((trust or default_pki()).trust(), resolve={host: "127.0.0.1"})
    with Lpa(isdr, lambda _address: Es9Client(server.url("nist", host), tls)) as lpa:
        return lpa.download(f"1${host}$TOKEN-1").iccid


@pytest.fixture
def order(order: Callable[..., Order]) -> Callable[..., Order]:
    return lambda **fields: order(**({"octets": profile_package.build(ICCID)} | fields))


def test_a_ci_that_the_two_sides_do_not_share(server: SmdpServer, order: Callable[..., Order]) -> None:
    order()
    other = TestPki("other")
    with pytest.raises(ServerRefused, match=r"8\.8\.2/3\.1: .*; the eUICC of svn 2\.6\.0 verifies under") as refused:
        download(server, pki=other)
    key = other.ci("nist").subject_key_id
    assert key is not None
    assert key.hex().upper() in str(refused.value)


def test_a_ci_that_the_client_does_not_trust(server: SmdpServer) -> None:
    with pytest.raises(UnknownIssuer, match=r"does not chain to a trusted CI \(.*\); trusted: CN="):
        download(server, trust=TestPki("other"))


def test_a_name_that_is_not_the_certificates(server: SmdpServer) -> None:
    with pytest.raises(NameMismatch, match=r"is for .*, not for wrong\.example\.net; which name is wrong\?"):
        download(server, host="wrong.example.net")


@pytest.mark.parametrize(
    ("defect", "function", "name"),
    [("expired-dpauth", "AuthenticateServer", "CERT.DPauth"), ("expired-dppb", "PrepareDownload", "CERT.DPpb")],
)
def test_a_certificate_that_the_euicc_refuses(
    server: SmdpServer, order: Callable[..., Order], defect: str, function: str, name: str
) -> None:
    order()
    shown = rf"it was shown {name} of SM-DP\+ 2\.999\.10, valid from 20"
    said = rf"ES10b\.{function}: the eUICC answered invalidCertificate; {shown}"
    server.service.defects = frozenset({defect})
    try:
        with pytest.raises(EuiccRefused, match=said):
            download(server)
    finally:
        server.service.defects = frozenset()


def test_a_package_with_keys_of_another_eid(server: SmdpServer, order: Callable[..., Order]) -> None:
    order()
    server.service.defects = frozenset({"bpp-keys-without-eid"})
    try:
        with pytest.raises(InstallationFailed, match=r"scp03tSecurityError.*is the package for this EID") as failed:
            download(server)
    finally:
        server.service.defects = frozenset()
    assert failed.value.command == "configureISDP"


def test_a_full_memory(server: SmdpServer, order: Callable[..., Order]) -> None:
    order()
    with pytest.raises(InstallationFailed, match=r"InsufficientMemory.*extCardResource of EUICCInfo2"):
        download(server, memory=1)
