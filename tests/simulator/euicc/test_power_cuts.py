"""A card that loses its power at every single APDU of a download, before or after it has done what the APDU asks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardMute
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa import Lpa
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.orders import Order

ICCID = bytes.fromhex("98001032547698103254")
HOST = "testsmdpplus1.example.com"
pytest_plugins = ["tests.support.smdp_fixtures"]


class Plug(SimTransport):
    """The simulated eUICC behind a plug that is pulled at the APDU of a number, and stays out until it is put in.

    ``done``: the card has done what the APDU asks, but its answer is lost.
    """

    def __init__(self, euicc: SimulatedEuicc) -> None:
        super().__init__(euicc)
        self.left: int | None = None
        self.done = False
        self.pulled = False

    def transmit(self, apdu: bytes) -> bytes:
        if self.pulled:
            raise CardMute("the plug is out")
        if self.left == 0:
            if self.done:
                super().transmit(apdu)
            self.pulled = True
            raise CardMute("the plug was pulled")
        if self.left is not None:
            self.left -= 1
        return super().transmit(apdu)

    def plug_in(self) -> Isdr:
        """Power up again; the ISD-R on a new channel."""
        self.pulled, self.left = False, None
        card = Card(self)
        card.connect()
        client = Isdr(card.open_channel())
        assert client.select().ok
        return client


def free_memory(client: Isdr) -> bytes:
    return bytes(client.get_euicc_info2()["extCardResource"])


@pytest.mark.parametrize("done", [False, True], ids=["before", "answer lost"])
def test_no_half_profile_whenever_the_power_goes(server: SmdpServer, order: Callable[..., Order], done: bool) -> None:
    plug = Plug(SimulatedEuicc(EuiccSettings(profiles=())))
    fresh = plug.snapshot()
    tls = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"})

    def download(client: Isdr) -> bytes:
        order(octets=profile_package.build(ICCID))
        with Lpa(client, lambda _address: Es9Client(server.url("nist", HOST), tls)) as lpa:
            return lpa.download(f"1${HOST}$TOKEN-1").iccid

    empty = free_memory(plug.plug_in())
    whole = 0
    for number in count():
        client = plug.plug_in()
        plug.left, plug.done = number, done
        try:
            download(client)
        except CardMute:
            pass
        else:
            break
        client = plug.plug_in()
        listed = [profile["iccid"] for profile in client.get_profiles_info()[1]]
        if listed:
            # The last segment makes a profile, a whole one that can be enabled, whoever hears of it by GET RESPONSE.
            assert listed == [ICCID]
            assert client.enable_profile(ICCID) == 0
            whole += 1
        else:
            assert free_memory(client) == empty
            assert download(client) == ICCID
        plug.restore(fresh)
    # All APDUs of a download were tried; a profile is there at those that end it alone.
    assert number > 10
    assert 0 < whole <= 3
