"""Retries of a download over HTTPS: the one-time key used again, or a new one, and what ends a retry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa import (
    DownloadCancelled,
    EuiccRefused,
    InstallationFailed,
    Lpa,
    ServerRefused,
    Session,
    SessionMismatch,
)
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.orders import Order

pytest_plugins = ["tests.support.smdp_fixtures"]

ICCID = bytes.fromhex("98001032547698103254")
HOST = "testsmdpplus1.example.com"
CODE = f"1${HOST}$TOKEN-1"
LOAD = "ES10b.LoadBoundProfilePackage"


class PowerCut(Exception):
    """The card lost its power."""


class Bench:
    """One eUICC whose power can be cut, and an LPA for every time it comes back."""

    def __init__(self, server: SmdpServer, **settings: Any) -> None:
        self.euicc = SimulatedEuicc(EuiccSettings(**({"profiles": ()} | settings)))
        self._card = Card(SimTransport(self.euicc))
        self._card.connect()
        self._server = server
        self._made: list[Lpa] = []

    def lpa(self, curve: str = "nist", cut_at: int | None = None, new_session_before: str = "") -> Lpa:
        """An LPA on the card after a reset; ``cut_at``: the power goes before that segment."""
        self._card.reset()
        isdr = Isdr(self._card.open_channel())
        isdr.select()

        def progress(step: str, done: int, _total: int) -> None:
            if step == LOAD and done == cut_at:
                raise PowerCut
            if step == new_session_before:
                isdr.get_euicc_challenge()

        tls = TlsSettings(default_pki().trust(), curve, resolve={HOST: "127.0.0.1"})  # type: ignore[arg-type]
        server = self._server
        self._made.append(Lpa(isdr, lambda _address: Es9Client(server.url(curve, HOST), tls), progress=progress))
        return self._made[-1]

    def interrupted(self, curve: str = "nist", **given: Any) -> Session:
        """A session whose load broke off after two segments."""
        assistant = self.lpa(curve, cut_at=2)
        with pytest.raises(PowerCut):
            assistant.download(CODE, **given)
        assert assistant.session is not None
        assert self.euicc.state.profiles == ()
        return assistant.session

    def close(self) -> None:
        for assistant in self._made:
            assistant.close()


@pytest.fixture
def bench(server: SmdpServer) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        made.append(Bench(server, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def order(order: Callable[..., Order]) -> Callable[..., Order]:
    """Put one profile that the simulated eUICC can install, and no other, into the server."""
    return lambda **fields: order(**({"octets": profile_package.build(ICCID)} | fields))


def protected(package: bytes) -> list[bytes]:
    """The parts of a package that do not depend on the session."""
    return [part.octets for part in tlv.parse(package).children()[1:]]


@pytest.mark.parametrize("code", [None, "1234"], ids=["plain", "confirmed"])
@pytest.mark.parametrize("keys", ["session", "random"])
@pytest.mark.parametrize("curve", ["nist", "brainpool"])
def test_an_interrupted_load_is_taken_up_with_the_same_key(
    bench: Callable[..., Bench], order: Callable[..., Order], curve: str, keys: str, code: str | None
) -> None:
    order(keys=keys, confirmation_code=code)
    euicc = bench(signing=(curve,), verification=(curve,))
    failed = euicc.interrupted(curve, confirmation_code=code)
    assert failed.offered_otpk is None
    assistant = euicc.lpa(curve)
    installation = assistant.retry(failed, confirmation_code=code)
    session = assistant.session
    assert installation.iccid == ICCID
    assert installation.key_reused
    assert session is not None
    assert session.offered_otpk == session.euicc_otpk == failed.euicc_otpk
    assert session.transaction_id != failed.transaction_id
    # Not bound anew: all but InitialiseSecureChannel is what it was.
    assert protected(session.bound_profile_package) == protected(failed.bound_profile_package)
    assert session.bound_profile_package != failed.bound_profile_package


@pytest.mark.parametrize("keys", ["session", "random"])
@pytest.mark.parametrize("curve", ["nist", "brainpool"])
def test_an_euicc_without_the_key_makes_a_new_one(
    bench: Callable[..., Bench], order: Callable[..., Order], curve: str, keys: str
) -> None:
    order(keys=keys)
    euicc = bench(reuse_keys=False, signing=(curve,), verification=(curve,))
    failed = euicc.interrupted(curve)
    assistant = euicc.lpa(curve)
    installation = assistant.retry(failed)
    session = assistant.session
    assert not installation.key_reused
    assert session is not None
    assert session.offered_otpk == failed.euicc_otpk != session.euicc_otpk


def test_a_load_that_failed_for_want_of_memory_is_taken_up_when_there_is_some(
    bench: Callable[..., Bench], order: Callable[..., Order]
) -> None:
    order()
    euicc = bench(memory=1)
    assistant = euicc.lpa()
    with pytest.raises(InstallationFailed, match="InsufficientMemory") as failure:
        assistant.download(CODE)
    failed = assistant.session
    assert failed is not None
    assert assistant.process_notifications([failure.value.sequence_number]).kept == []
    with pytest.raises(InstallationFailed, match="InsufficientMemory"):
        assistant.retry(failed)
    euicc.euicc.core.settings = euicc.euicc.settings.model_copy(update={"memory": 600_000})
    assert assistant.retry(failed).key_reused


def test_interrupted_again_and_again(bench: Callable[..., Bench], order: Callable[..., Order]) -> None:
    order()
    euicc = bench()
    failed = euicc.interrupted()
    for segment in (1, 3, 5):
        assistant = euicc.lpa(cut_at=segment)
        with pytest.raises(PowerCut):
            assistant.retry(failed)
        assert assistant.session is not None
        failed = assistant.session
    assert euicc.lpa().retry(failed).key_reused


def test_the_package_is_not_bound_to_another_key(bench: Callable[..., Bench], order: Callable[..., Order]) -> None:
    order(rebinding=False)
    euicc = bench(reuse_keys=False)
    failed = euicc.interrupted()
    reported = (
        r"getBoundProfilePackage: the SM-DP\+ answered 8\.2/3\.7: .*; the eUICC made a new one-time key in place of"
    )
    with pytest.raises(ServerRefused, match=reported) as caught:
        euicc.lpa().retry(failed)
    assert (caught.value.subject, caught.value.reason) == ("8.2", "3.7")


def test_the_confirmation_code_is_wanted_again(bench: Callable[..., Bench], order: Callable[..., Order]) -> None:
    order(confirmation_code="1234")
    euicc = bench()
    failed = euicc.interrupted(confirmation_code="1234")
    with pytest.raises(DownloadCancelled, match="postponed: a confirmation code is required") as cancelled:
        euicc.lpa().retry(failed)
    assert cancelled.value.reason == "postponed"
    with pytest.raises(ServerRefused, match=r"8\.2\.7/3\.8: .*; the eUICC used the one-time key again") as refused:
        euicc.lpa().retry(failed, confirmation_code="4321")
    assert (refused.value.subject, refused.value.reason) == ("8.2.7", "3.8")
    assert euicc.lpa().retry(failed, confirmation_code="1234").iccid == ICCID


def test_an_order_that_is_gone(bench: Callable[..., Bench], order: Callable[..., Order], server: SmdpServer) -> None:
    order()
    euicc = bench()
    failed = euicc.interrupted()
    server.run(lambda: server.service.book.remove(swapped_iccid(server)))
    with pytest.raises(ServerRefused, match=r"authenticateClient: the SM-DP\+ answered 8\.2\.6/3\.8"):
        euicc.lpa().retry(failed)


def swapped_iccid(server: SmdpServer) -> bytes:
    (held,) = list(server.service.book)
    return held.profile.iccid


def test_another_profile_is_no_retry(bench: Callable[..., Bench], order: Callable[..., Order]) -> None:
    order()
    euicc = bench()
    failed = euicc.interrupted()
    other = bytes.fromhex("98001032547698103264")
    order(octets=profile_package.build(other))
    with pytest.raises(SessionMismatch, match=f"a retry of profile {ICCID.hex()} is offered profile {other.hex()}"):
        euicc.lpa().retry(failed)
    order(metadata={"name": "Changed"})
    with pytest.raises(SessionMismatch, match="is offered other metadata"):
        euicc.lpa().retry(failed)
    # The session was postponed, not refused: the profile is still there for a new download.
    assert euicc.lpa().download(CODE).iccid == ICCID


def test_a_retry_of_what_was_installed_meanwhile(bench: Callable[..., Bench], order: Callable[..., Order]) -> None:
    order()
    euicc = bench()
    failed = euicc.interrupted()
    assistant = euicc.lpa()
    assistant.download(CODE)
    with pytest.raises(InstallationFailed, match="IccidAlreadyExists"):
        assistant.retry(failed)
    assistant.process_notifications()
    with pytest.raises(ServerRefused, match=r"authenticateClient: the SM-DP\+ answered 8\."):
        assistant.retry(failed)


def test_an_euicc_that_refuses(bench: Callable[..., Bench], order: Callable[..., Order]) -> None:
    order()
    euicc = bench()
    failed = euicc.interrupted()
    with pytest.raises(EuiccRefused, match=r"ES10b\.PrepareDownload: the eUICC answered noSessionContext") as refused:
        euicc.lpa(new_session_before="prepare_download").retry(failed)
    assert refused.value.code == "noSessionContext"
    assert euicc.lpa().retry(failed).key_reused
