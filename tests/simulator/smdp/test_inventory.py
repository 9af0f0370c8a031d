"""Inventory file, store and service without transport."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.rsp import iccid as iccids
from pytest_euicc.simulator.smdp.orders import inventory
from pytest_euicc.simulator.smdp.orders.inventory import Inventory, InventoryError
from pytest_euicc.simulator.smdp.orders.orders import Order, OrderBook, State
from pytest_euicc.simulator.smdp.orders.store import Store, StoreError
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import EID, ICCID, ICCID_DIGITS, UPP, package_for

GOOD = f"""
addresses: [smdp.example.com]
session_lifetime: 60
profiles:
  - file: one.upp
    matching_id: AC-1
    eid: "{EID.hex()}"
    confirmation_code: "0042"
    keys: random
    expires: 2030-01-01T00:00:00Z
    metadata:
      provider: Example
      name: Gold
      class: operational
      owner: {{mcc_mnc: "00F110", gid1: "01"}}
      ppr: [ppr1, ppr2]
      notify:
        - {{events: [install, delete], address: smdp.example.com}}
"""


def written(folder: Path, text: str) -> Path:
    (folder / "one.upp").write_bytes(UPP)
    path = folder / "inventory.yaml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(InventoryError) as caught:
        inventory.load(written(folder, text))
    return str(caught.value)


def test_a_whole_file(tmp_path: Path) -> None:
    settings, orders = inventory.load(written(tmp_path, GOOD))
    assert settings.addresses == ("smdp.example.com",)
    order = orders[0]
    assert (order.state, order.matching_id, order.eid) == (State.RELEASED, "AC-1", EID)
    assert order.profile.package == UPP
    assert order.profile.random_keys
    metadata = codec.decode("StoreMetadataRequest", order.profile.metadata)
    assert metadata["iccid"] == ICCID
    assert metadata["profilePolicyRules"] == (b"\x60", 3)
    assert metadata["notificationConfigurationInfo"] == [
        {"profileManagementOperation": (b"\x90", 4), "notificationAddress": "smdp.example.com"}
    ]
    assert metadata["profileOwner"] == {"mccMnc": bytes.fromhex("00F110"), "gid1": b"\1"}
    # DER leaves out profileClass operational, which is the default.
    assert codec.check_der(order.profile.metadata, "StoreMetadataRequest") == []


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    text = """adresses: [x]
profiles:
  - file: one.upp
    matching_id: small
  - octets: "A0"
    file: one.upp
    matching_id: AC-2
  - octets: "0001"
    eid: "89049032123451234512345678901235"
    iccid: "12"
    state: Relased
"""
    lines = mistakes(tmp_path, text).splitlines()
    places = [line.removeprefix(f"{tmp_path / 'inventory.yaml'}:").split(" ")[0] for line in lines]
    assert sorted(places) == ["10:12:", "11:12:", "1:1:", "4:18:", "5:5:"]
    assert any("unknown key 'adresses'; did you mean 'addresses'?" in line for line in lines)
    assert any("as file or as octets" in line for line in lines)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("{file: none.upp, matching_id: AC-1}", "none.upp: No such file"),
        ('{file: one.upp, iccid: "8900000000000000000", matching_id: AC-1}', f"is for {ICCID_DIGITS}"),
        ('{octets: "0400", matching_id: AC-1}', "iccid is missing"),
        ("{file: one.upp}", "give matching_id, or the eid"),
        ("{file: one.upp, matching_id: AC-1, needs: {capabilities: [usim]}}", "no capability usim"),
        ("{file: one.upp, matching_id: AC-1, metadata: {name: " + "x" * 65 + "}}", "at most 64"),
    ],
)
def test_a_profile_that_cannot_be(tmp_path: Path, profile: str, said: str) -> None:
    text = mistakes(tmp_path, f"profiles:\n  - {profile}\n")
    assert text.startswith(f"{tmp_path / 'inventory.yaml'}:2:")
    assert said in text


def test_two_profiles_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "two.upp").write_bytes(package_for(b"\x98\x10" + bytes(8)))
    text = "profiles:\n  - {file: one.upp, matching_id: A}\n  - {file: one.upp, matching_id: B}\n"
    text += "  - {file: two.upp, matching_id: A}\n"
    lines = mistakes(tmp_path, text).splitlines()
    assert [line.rsplit(": ", 1)[1] for line in lines] == [
        "iccid is that of an earlier profile too",
        "matching_id is that of an earlier profile too",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "an inventory must be a mapping"),
        ("a: [", "not YAML"),
        ("a: \x00", "not YAML"),
        ("a: " + "[" * 5000, "nest"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    assert said in mistakes(tmp_path, text)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="No such file"):
        inventory.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("digits", ["89000123456789012345", "8900012345678901234", "890001234567890123"])
def test_iccids(digits: str) -> None:
    assert iccids.to_digits(iccids.to_octets(digits)) == digits


def test_iccid_octets() -> None:
    assert iccids.to_octets("8900012345678901234").hex() == "980010325476981032f4"


# ---------------------------------------------------------------- the store


def book() -> OrderBook:
    profile = {"octets": UPP, "matching_id": "AC-1", "confirmation_code": "1", "expires": "2030-01-01T00:00:00Z"}
    return OrderBook(Inventory.model_validate({"profiles": [profile]}).orders())


def only(orders: OrderBook) -> Order:
    (order,) = orders
    return order


def test_a_store_brings_back_what_changed(tmp_path: Path) -> None:
    first, store = book(), Store(tmp_path / "state.sqlite")
    store.attach(first)
    order = only(first)
    order.state, order.attempts, order.eid, order.matching_id = State.DOWNLOADED, 2, EID, "AC-9"
    order.downloads[b"\1" * 16] = b"certificate"
    order.notifications.append(b"\x30\x00")
    first.changed(order)
    store.close()
    second, again = book(), Store(tmp_path / "state.sqlite")
    again.attach(second)
    found = only(second)
    again.close()
    assert (found.state, found.attempts, found.eid) == (State.DOWNLOADED, 2, EID)
    assert second.by_matching_id("AC-9") is found
    assert second.by_matching_id("AC-1") is None
    assert second.by_transaction(b"\1" * 16) is found
    assert (found.expires, found.confirmation_hash) == (order.expires, order.confirmation_hash)
    assert found.notifications == [b"\x30\x00"]


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"something else, long enough to be looked at" * 40)
    with pytest.raises(StoreError, match="name another file"):
        Store(path)


# ---------------------------------------------------------------- the registry of defects


def test_a_defect_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="no defect misspelt"):
        SmdpService(defects=frozenset({"misspelt"}))
