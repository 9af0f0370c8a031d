"""The simulated IoT eUICC: packages at its contacts, power cuts, snapshots, and what it has without the setting."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.peers.eim.peer import EimPeer, PackageParts, operation_list, whole_package
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.euicc.settings import IotSettings
from tests.support.sim_device import Device

_EID = bytes.fromhex("89049032123451234512345678901235")
_KEY = signatures.private_key_from(b"eim", signatures.CURVES["nist"])
_RAT = codec.encode("Psmo", ("getRAT", {}))


class IotDevice(Device):
    """A device in front of an IoT eUICC that one eIM is associated with."""

    def __init__(self, **settings):
        super().__init__(iot=IotSettings(), **settings)
        self.peer = EimPeer("2.999.1", _KEY)
        self.associate()

    def associate(self) -> None:
        self.channel = self.open()
        request = codec.encode("AddInitialEimRequest", {"eimConfigurationDataList": [self.peer.configuration()]})
        self.answer(request)

    def reset(self) -> None:
        self.euicc.reset()
        self.channel = self.open()

    def blocks(self, request: bytes) -> list[str]:
        parts = [request[at : at + 120] for at in range(0, len(request), 120)]
        last = len(parts) - 1
        return [
            f"8{self.channel}E2{0x91 if at == last else 0x11:02X}{at:02X}{len(part):02X}{part.hex()}00"
            for at, part in enumerate(parts)
        ]

    def answer(self, request: bytes) -> bytes:
        answer = ""
        for apdu in self.blocks(request):
            answer = self.send(apdu)
        data = answer[:-4]
        while answer[-4:-2] == "61":
            answer = self.send(f"0{self.channel}C00000{answer[-2:]}")
            data += answer[:-4]
        return bytes.fromhex(data)

    def package(self, *operations: bytes, counter: int = 1, kind="Psmo") -> bytes:
        header = {"eimId": self.peer.eim_id, "eidValue": _EID, "counterValue": counter}
        signed = PackageParts(header, operation_list(kind, list(operations))).signed()
        return whole_package(signed, self.peer.sign(signed))

    def run(self, *operations: bytes, **arguments) -> tuple[str, dict]:
        return codec.decode("EuiccPackageResult", self.answer(self.package(*operations, **arguments)))


def iccid(device: Device, number: int) -> bytes:
    return device.euicc.state.profiles[number].iccid


def enabled(device: Device) -> bytes | None:
    profile = device.euicc.state.enabled
    return None if profile is None else profile.iccid


def enable(device: Device, number: int) -> bytes:
    return codec.encode("Psmo", ("enable", {"iccid": iccid(device, number)}))


def delete(device: Device, number: int) -> bytes:
    return codec.encode("Psmo", ("delete", {"iccid": iccid(device, number)}))


def results(answer: tuple[str, dict]) -> list:
    kind, value = answer
    assert kind == "euiccPackageResultSigned"
    return value["euiccPackageResultDataSigned"]["euiccResult"]


def test_without_the_setting_there_is_no_function_of_sgp32():
    device = Device()
    device.open()
    assert device.es10("BF5500") == "6A88"
    assert b"\xb4" not in device.whole("BF2200")[-20:]


def test_a_result_is_signed_over_the_data_and_the_token():
    device = IotDevice()
    octets = device.answer(device.package(_RAT))
    signed, signature = tlv.parse(octets).children()[0].children()
    key = device.euicc.core.identity().certificate.public_key
    assert signatures.verify(key, signed.octets + b"\x84\x01\x00", signature.value)
    assert not signatures.verify(key, signed.octets, signature.value)


def test_profile_states_change_with_the_refresh():
    device = IotDevice()
    assert results(device.run(enable(device, 0))) == [("enableResult", 0)]
    assert enabled(device) is None
    device.reset()
    assert enabled(device) == iccid(device, 0)


def test_a_cut_before_the_last_block_leaves_everything():
    device = IotDevice()
    package = device.package(delete(device, 0), delete(device, 1))
    before = device.euicc.state
    blocks = device.blocks(package)
    assert len(blocks) > 1
    for cut in range(1, len(blocks)):
        for apdu in blocks[:cut]:
            device.send(apdu)
        device.reset()
        assert device.euicc.state == before
    assert results(device.run(_RAT))[0][0] == "getRATResult"


def test_a_cut_after_the_last_block_leaves_the_result():
    """The answer is lost, the package has run: result and counter tell so (SGP.32 5.9.1)."""
    device = IotDevice()
    for apdu in device.blocks(device.package(_RAT)):
        device.send(apdu)
    device.reset()
    kept = device.answer(bytes.fromhex("BF2B04A0028200"))
    assert kept[:4].hex().startswith("bf2b")
    assert len(device.euicc.state.iot.results) == 1
    kind, value = device.run(_RAT)
    assert kind == "euiccPackageErrorSigned"
    assert value["euiccPackageErrorDataSigned"]["euiccPackageErrorCode"].name == "replayError"


def test_a_cut_between_refresh_and_terminal_response():
    device = IotDevice()
    device.run(enable(device, 0))
    device.reset()
    device.run(enable(device, 1), counter=2)
    device.reset()
    assert [profile.enabled for profile in device.euicc.state.profiles[:2]] == [False, True]
    assert {entry.event for entry in device.euicc.state.notifications} == {"enable", "disable"}


def test_a_snapshot_holds_associations_and_results():
    device = IotDevice()
    snapshot = device.euicc.snapshot()
    device.run(_RAT)
    device.euicc.restore(snapshot)
    device.channel = device.open()
    assert device.euicc.state.iot.results == ()
    assert results(device.run(_RAT))[0][0] == "getRATResult"


@pytest.mark.parametrize("octets", ["BF5100", "BF510230", "BF5106300480026161", "BF51045F370100", "BF57023000", "BF58"])
def test_malformed_requests_are_refused(octets):
    device = IotDevice()
    device.channel = device.open()
    assert device.es10(octets, device.channel)[-4:] in ("6A80", "6A88") or octets == "BF5106300480026161"


def test_the_command_that_personalises_takes_everything_back():
    device = IotDevice()
    assert device.send("80FC000000") == "9000"
    assert device.euicc.state.iot.eims == ()
