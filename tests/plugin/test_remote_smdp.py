"""An SM-DP+ that is not ours: provisioned by hand, over ES2+, and by a hook; and what its declaration may say."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_euicc.cli import main
from pytest_euicc.conformance.engine.errors import CannotOffer
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.inventory import Es2Plus, HeldProfile, matching
from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish
from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import FileMistakes
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.iut.smdp.claims import Claims
from pytest_euicc.iut.smdp.es2 import Es2Provisioner, IdentityError, read_identity
from pytest_euicc.iut.smdp.needs import needs
from pytest_euicc.iut.smdp.provisioning import write
from pytest_euicc.iut.smdp.remote import RemoteSmdp, Server
from pytest_euicc.rsp.folder import FolderPki, write_folder
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.orders import inventory as simulated
from tests.support.remote_smdp import CASES, HOST, pem, planned

EID = "89049032123451234512345678901235"
OURS = bytes.fromhex(EID)


def held(**fields: Any) -> HeldProfile:
    return HeldProfile.model_validate({"matching_id": "AC-1"} | fields)


# ---------------------------------------------------------------- which profile serves which wish


@pytest.mark.parametrize(
    ("profile", "wish", "serves"),
    [
        ({}, {}, True),
        ({}, {"matching_id": "AC-1"}, True),
        ({}, {"matching_id": "AC-2"}, False),
        ({"eid": EID}, {}, False),
        ({"eid": EID}, {"eid": OURS}, True),
        ({"matching_id": "", "eid": EID}, {"eid": OURS, "matching_id": ""}, True),
        ({"matching_id": "", "eid": EID}, {"eid": OURS}, False),
        ({"event": True, "eid": EID}, {"eid": OURS}, False),
        ({"event": True, "eid": EID}, {"eid": OURS, "event": True}, True),
        ({"confirmation_code": "77"}, {}, False),
        ({"confirmation_code": "77"}, {"confirmation_code": "1234"}, True),
        ({"confirmation_code": "77", "confirmation_tries": 1}, {"confirmation_code": "1234"}, False),
        ({"confirmation_code": "77"}, {"confirmation_code": "1234", "confirmation_tries": 3}, True),
        ({"confirmation_code": "77"}, {"confirmation_code": "1234", "confirmation_tries": 2}, False),
        ({"state": "Confirmed"}, {}, False),
        ({"state": "Confirmed"}, {"state": "Confirmed"}, True),
        ({"keys": "random"}, {}, True),
        ({"keys": "random"}, {"keys": "session"}, False),
        ({}, {"keys": "session"}, False),
        ({"tries": 1}, {}, False),
        ({"tries": 1}, {"tries": 1}, True),
        ({"tries": 20}, {}, True),
        ({"expires": "2021-01-01T00:00:00Z"}, {}, False),
        ({"expires": "2021-01-01T00:00:00Z"}, {"expired": True}, True),
        ({"expires": "2121-01-01T00:00:00"}, {}, True),
        ({"rebinding": False}, {}, False),
        ({"needs": {"memory": 5}}, {}, False),
        ({"needs": {"memory": 5}}, {"memory": 5}, True),
        ({"metadata": {"name": "Gold"}}, {}, True),
        ({"metadata": {"class": "test"}}, {}, False),
        ({"metadata": {"ppr": ["ppr1"]}}, {}, False),
        ({"metadata": {"class": "test"}}, {"metadata": {"class": "test"}}, True),
        (
            {"metadata": {"notify": [{"events": ["enable"], "address": "a"}]}},
            {"metadata": {"notify": [{"events": ["enable"]}]}},
            True,
        ),
        (
            {"metadata": {"notify": [{"events": ["enable"]}, {"events": ["delete"]}]}},
            {"metadata": {"notify": [{"events": ["delete", "enable"]}]}},
            True,
        ),
        (
            {"metadata": {"notify": [{"events": ["enable", "install"]}]}},
            {"metadata": {"notify": [{"events": ["enable"]}]}},
            False,
        ),
        ({}, {"tries": 1000}, True),
        ({"tries": 999}, {"tries": 1000}, False),
        ({"tries": 1001}, {"tries": 1000}, True),
        ({}, {"tries": 3}, False),
        ({"metadata": {"icon": "00" * 3}}, {"icon": 3}, True),
        ({"metadata": {"icon": "00" * 4}}, {"icon": 3}, False),
        ({}, {"package": b"x"}, False),
        ({}, {"octets": 1}, False),
        ({"reusable": "unspent"}, {}, True),
        ({"reusable": "unspent"}, {"consumed": True}, False),
    ],
)
def test_what_serves_a_wish(profile: dict[str, Any], wish: dict[str, Any], serves: bool) -> None:
    assert held(**profile).matches(OrderWish(**wish)) is serves


def test_reusable_profiles_come_first_and_the_code_is_that_of_the_server() -> None:
    stock = [held(matching_id="A"), held(matching_id="B", reusable=True), held(matching_id="C", metadata={"name": "x"})]
    assert matching(stock, OrderWish()) == [1, 0, 2]
    order = held(confirmation_code="77", iccid="8900012345678901234", metadata={"raw": "BF2500"}).held()
    assert order == HeldOrder("AC-1", "77", bytes.fromhex("980010325476981032f4"), bytes.fromhex("BF2500"))


EVERY_EVENT = {"notify": [{"events": ["install", "enable", "disable", "delete"]}]}


@pytest.mark.parametrize(
    ("more", "wish"),
    [
        ({"keys": "session"}, {}),
        ({"tries": 100}, {}),
        ({"confirmation_tries": 10}, {}),
        ({}, {"tries": 100}),
        ({"metadata": {"notify": [{"events": ["delete"]}]}}, {}),
    ],
)
def test_what_another_sequence_may_need_is_kept_for_it(more: dict[str, Any], wish: dict[str, Any]) -> None:
    """Of two profiles that serve, the one that is exactly what was asked for is taken."""
    exact = held(matching_id="B", **{"metadata": EVERY_EVENT, **wish})
    assert matching([held(matching_id="A", **more), exact], OrderWish(**wish)) == [1, 0]


def test_wishes_in_words() -> None:
    assert OrderWish().words() == "activation code, bound to no EID"
    words = OrderWish(
        matching_id="", eid=OURS, confirmation_code="1", tries=2, keys="random", expired=True, icon=9, consumed=True
    ).words()
    assert words == (
        f"found by the EID alone, for EID {EID}, expired, confirmation code 1, ends after 2 downloads, "
        "under random keys, icon of 9 octets, spent by the sequence"
    )


# ---------------------------------------------------------------- the declaration


def test_mistakes_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "held.yaml").write_text("profiles:\n  - {matching_id: A, state: Relased}\n  - {file: no.der, eid: x}\n")
    (tmp_path / "smdp.yaml").write_text(
        "iut: smdp\nversion: 2.6.0\n"
        "addresses: {nist: http://x}\n"
        "es2plus: {url: https://x, identity: nowhere.pem, types: [{tpye: GOLD}]}\n"
        "inventory: held.yaml\n"
    )
    with pytest.raises(FileMistakes) as caught:
        Declaration.load(tmp_path / "smdp.yaml")
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["smdp.yaml:3:19", "smdp.yaml:4:58", "smdp.yaml:4:59"]
    assert "unknown key 'tpye'; did you mean 'type'?" in lines[2]
    (tmp_path / "smdp.yaml").write_text("iut: smdp\nversion: 2.6.0\ninventory: held.yaml\n")
    with pytest.raises(FileMistakes) as caught:
        Declaration.load(tmp_path / "smdp.yaml")
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["held.yaml:2:29", "held.yaml:3:25"]
    (tmp_path / "smdp.yaml").write_text("iut: smdp\nversion: 2.6.0\ninventory: [{matching_id: A, file: no.der}]\n")
    with pytest.raises(FileMistakes, match=r"smdp.yaml:3:36: file .*no.der: no such file"):
        Declaration.load(tmp_path / "smdp.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it must contain a certificate and its key in PEM"),
        (pem().partition(b"-----BEGIN PRIVATE")[0], "it must contain a certificate and its key in PEM"),
        (pem(1).partition(b"-----BEGIN PRIVATE")[0] + b"-----BEGIN PRIVATE" + pem().partition(b"-----BEGIN PRIVATE")[2],
         "the key does not belong to the first certificate"),
    ],
)  # fmt: skip
def test_an_identity_that_cannot_be_used(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "operator.pem"
    path.write_bytes(content)
    with pytest.raises(IdentityError, match=said):
        read_identity(path)


def test_an_identity(tmp_path: Path) -> None:
    (tmp_path / "operator.pem").write_bytes(pem())
    assert read_identity(tmp_path / "operator.pem").certificate.oid == "2.999.12"


# ---------------------------------------------------------------- claims, hook, orders found by the EID


def test_workers_do_not_take_the_same(tmp_path: Path) -> None:
    first, second = Claims(tmp_path), Claims(tmp_path)
    assert [first.take([0, 1]), second.take([0, 1]), first.take([0, 1]), second.take([2])] == [0, 1, None, 2]


def remote(**how: Any) -> RemoteSmdp:
    return RemoteSmdp(Server({"nist": "https://smdp.example.com"}, "smdp.example.com"), default_pki(), **how)


def test_each_profile_of_an_inventory_serves_once() -> None:
    smdp = remote(inventory=[held(matching_id="A"), held(matching_id="B")])
    assert [smdp.offer(OrderWish()).matching_id for _ in range(2)] == ["A", "B"]
    with pytest.raises(
        CannotOffer, match=r"https://smdp.example.com holds no profile for it: activation code, .*inventory:"
    ):
        smdp.offer(OrderWish())
    assert [wish.words() for wish in smdp.take_missing()] == ["activation code, bound to no EID"]
    assert smdp.take_missing() == []


def test_a_reusable_profile_serves_every_sequence_but_once_in_each() -> None:
    smdp = remote(inventory=[held(matching_id="A", reusable=True), held(matching_id="B", reusable=True)])
    for _ in range(2):
        smdp.begin(0)
        assert [smdp.offer(OrderWish()).matching_id for _ in range(2)] == ["A", "B"]
        with pytest.raises(CannotOffer, match="holds no profile"):
            smdp.offer(OrderWish())


def test_of_several_that_the_eid_finds_none_is_offered() -> None:
    found = held(matching_id="", eid=EID)
    wish = OrderWish(matching_id="", eid=OURS)
    assert remote(inventory=[found, held()]).offer(wish).matching_id == ""
    with pytest.raises(CannotOffer, match="the only one that the server finds by EID alone"):
        remote(inventory=[found, held(matching_id="", eid=EID[:-1] + "6")]).offer(wish)
    with pytest.raises(CannotOffer, match="the only one that the server finds by EID alone"):
        remote().offer(wish)


def broken(_wish: OrderWish) -> HeldOrder:
    raise RuntimeError("the back office is closed")


@pytest.mark.parametrize(
    ("hook", "said"), [(broken, "RuntimeError: the back office is closed"), (lambda _wish: "AC-1", "returned a str")]
)
def test_a_hook_that_fails(hook: Any, said: str) -> None:
    with pytest.raises(CannotOffer, match=f"the hook pytest_euicc_provision_profile .*{said}"):
        remote(hook=hook).offer(OrderWish())


def test_what_one_source_cannot_give_another_may() -> None:
    smdp = remote(hook=broken, inventory=[held()])
    assert smdp.offer(OrderWish()).matching_id == "AC-1"
    with pytest.raises(CannotOffer, match=r"the back office is closed\nhttps://smdp.example.com holds no profile"):
        smdp.offer(OrderWish())


def test_es2plus_that_is_not_there_is_asked_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
    declared = Es2Plus.model_validate({"url": url, "types": [{"type": "GOLD"}]})
    smdp = remote(es2plus=Es2Provisioner(declared, TlsSettings(default_pki().trust(), timeout=2)))
    with pytest.raises(CannotOffer, match=r"ES2\+: .*nothing listens"):
        smdp.offer(OrderWish())
    with pytest.raises(CannotOffer, match=r"ES2\+: .*not tried again in this run"):
        smdp.offer(OrderWish())


def test_a_hook_comes_first() -> None:
    smdp = remote(hook=lambda wish: HeldOrder("HOOK") if wish.keys is None else None, inventory=[held(keys="random")])
    assert [smdp.offer(OrderWish(keys=keys)).matching_id for keys in (None, "random")] == ["HOOK", "AC-1"]


# ---------------------------------------------------------------- what has to be loaded


def test_needs_are_those_of_the_sequences_that_apply() -> None:
    named = {each.need.sequence for each in planned("Transport_11", ".GetBoundProfilePackageNIST_03", "no such")}
    assert named == {"TC_SM-DP+_ES9+_Transport_11", "TC_SM-DP+_ES9+.GetBoundProfilePackageNIST_03"}
    assert len(planned("Transport_11")) == 2
    assert planned("GetBoundProfilePackageBRP", options=["O_P_NIST"]) == []
    assert len(planned()) > 100


def test_a_written_file_is_an_inventory_for_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "held.yaml"
    missing = planned()
    count = write(path, missing, HOST, "Test")
    by_eid = [each for each in missing if each.need.wish.by_eid]
    # One of those that the EID alone finds, for all sequences that wish for it and leave it as it was.
    served = [each for each in by_eid if each.need.wish == OrderWish(matching_id="", eid=OURS)]
    assert len(served) > 5
    assert count == len(missing) - len(by_eid) + 1 > 100
    for each in (missing[0], *served):
        assert f"# {each.need.sequence}: {each.need.title}" in path.read_text()
    (tmp_path / "smdp.yaml").write_text("iut: smdp\nversion: 2.6.0\ninventory: held.yaml\n")
    declaration = Declaration.load(tmp_path / "smdp.yaml")
    found = planned(inventory=declaration.inventory)
    assert [each.need for each in found if not each.source] == [each.need for each in by_eid if each not in served]
    _, orders = simulated.load(path)
    assert len(orders) == count
    assert sum(order.is_expired(datetime.now(UTC)) for order in orders) == 1
    assert sum(order.profile.random_keys for order in orders) > 5


def test_beside_a_profile_that_the_eid_finds_no_other_is_to_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "held.yaml"
    held = {"eid": EID, "reusable": "unspent"}
    missing = planned(".AuthenticateClientNIST_01", ".AuthenticateClientNIST_02", inventory=[held])
    assert [each.source for each in missing] == [f"inventory {EID}", ""]
    assert write(path, missing, HOST, "Test") == 0
    assert "#  - eid:" in path.read_text()


def test_a_single_profile_found_by_the_eid_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "held.yaml"
    assert write(path, planned(".AuthenticateClientNIST_02"), HOST, "Test") == 1
    (entry,) = yaml.safe_load(path.read_text())["profiles"]
    assert (entry["eid"], entry["confirmation_code"], "matching_id" in entry) == (EID, "1234", False)


def test_provisioning_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "held.yaml"
    assert main(["provisioning", "-k", ".GetBoundProfilePackageNIST", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "GetBoundProfilePackageNIST_04  load: activation code, bound to no EID, confirmation code 1234" in said.out
    wanted = planned(".GetBoundProfilePackageNIST")
    sequences = {each.need.sequence for each in wanted}
    assert f"{len(wanted)} profiles for {len(sequences)} sequences, {len(wanted)} of them to load" in said.err
    assert len(yaml.safe_load(out.read_text())["profiles"]) == len(wanted)
    assert main(["provisioning", "--out", str(out)]) == 2
    assert f"--out {out}: this file exists" in capsys.readouterr().err
    assert main(["provisioning", "-k", "nothing like it"]) == 2
    assert "no sequence for an SM-DP+ has nothing like it" in capsys.readouterr().err
    assert main(["provisioning", "--smdp-declaration", str(tmp_path / "none.yaml")]) == 2


def test_a_declaration_names_the_inventory_before_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smdp.yaml").write_text("iut: smdp\nversion: 2.6.0\ninventory: held.yaml\n")
    arguments = ["provisioning", "--smdp-declaration", "smdp.yaml", "-k", ".GetBoundProfilePackageNIST_01"]
    assert main(arguments) == 2
    assert "held.yaml: no such file; `pytest-euicc provisioning --out` writes one" in capsys.readouterr().err
    assert main([*arguments, "--out", "held.yaml"]) == 0
    assert main(arguments) == 0
    assert "inventory PYTEST-0001" in capsys.readouterr().out


# ---------------------------------------------------------------- runs against a server of its own process


@pytest.mark.parametrize(
    ("options", "nist", "brainpool"),
    [(["O_P_NIST"], True, False), (["O_P_BRP"], False, True), (["O_P_NIST", "O_P_BRP"], True, True), ([], True, False)],
)
def test_sequences_are_on_the_curves_that_are_declared(options: list[str], nist: bool, brainpool: bool) -> None:
    """P-256 as well where nothing is said about curves: a run by a URL alone has no declaration."""
    assert bool(planned("GetBoundProfilePackageNIST", "Transport", options=options)) is nist
    assert bool(planned("GetBoundProfilePackageBRP", options=options)) is brainpool


def test_profiles_for_a_pki_of_brainpool_alone(tmp_path: Path) -> None:
    write_folder(default_pki(), tmp_path, OURS)
    for path in tmp_path.rglob("*_NIST.*"):
        path.unlink()
    declaration = Declaration.model_validate({"iut": "smdp", "version": "2.6.0", "options": ["O_P_BRP"]})
    found = needs(loader.chosen(CASES, "smdp", ["AuthenticateClientBRP"]), declaration, FolderPki(tmp_path), HOST)
    assert [each.wish.eid for each in found] == [OURS]
