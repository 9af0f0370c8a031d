"""Profile packages and icons that vectors want: what is changed is changed, and nothing else."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.iut.lpa.servers import BenchServer
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.peers.smdp.content import PackageChanges, build, imsi_of
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.bsp import protected_length
from pytest_euicc.rsp.iccid import check_digit, new_iccid, swapped, to_digits
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.rsp.profile_package import fillers

ICCID = bytes.fromhex("98990000000000000001")
OTHER = bytes.fromhex("98990000000000000002")
METADATA: dict[str, Any] = {"iccid": ICCID, "serviceProviderName": "Op", "profileName": "P"}


def elements(**changes: Any) -> list[tuple[str, Any]]:
    """The elements of a package; those of no known tag as TLVs."""
    known = codec.choice_tags("ProfileElement")
    package = build(METADATA, PackageChanges.model_validate(changes))
    return [
        codec.decode("ProfileElement", part.octets) if part.tag in known else ("unknown", part)
        for part in tlv.parse_all(package)
    ]


def names(**changes: Any) -> list[str]:
    return [name for name, _ in elements(**changes)]


def test_profiles_of_every_server_of_the_tester_have_a_check_digit() -> None:
    # ITU-T E.118: an LPA may look at it.
    simulated = SimulatedSmdp(default_pki())
    try:
        offered = [simulated.offer(OrderWish()).iccid for _ in range(8)]
    finally:
        simulated.close()
    bench = BenchServer("smdp.example.com", default_pki(), 1, Random(1))
    offered += [bench.offer(OrderWish()).iccid for _ in range(8)]
    for iccid in offered:
        assert iccid is not None
        digits = to_digits(iccid)
        assert digits == digits[:-1] + check_digit(digits[:-1])
        assert digits.startswith("8999")
    assert len(set(offered)) == len(offered)


def test_the_package_of_metadata() -> None:
    assert names()[0] == "header"
    assert names()[-1] == "end"
    value = dict(elements())
    assert value["header"]["iccid"] == swapped(ICCID)
    assert value["mf"]["ef-iccid"][-1] == ("fillFileContent", ICCID)


def test_another_iccid_is_in_header_and_file() -> None:
    value = dict(elements(iccid=OTHER.hex()))
    assert value["header"]["iccid"] == swapped(OTHER)
    assert value["mf"]["ef-iccid"][-1] == ("fillFileContent", OTHER)


def test_another_file_alone() -> None:
    value = dict(elements(ef_iccid=OTHER.hex()))
    assert value["header"]["iccid"] == swapped(ICCID)
    assert value["mf"]["ef-iccid"][-1] == ("fillFileContent", OTHER)


def test_another_key() -> None:
    value = dict(elements(key="6B" * 16))
    assert value["akaParameter"]["algoConfiguration"][1]["key"] == b"\x6b" * 16


def test_more_than_all_files_can_take_is_no_fault_of_the_harness() -> None:
    # A card may report more free memory than that.
    assert PackageChanges(filler=profile_package.LARGEST_FILLERS, empty=True).filler == 239 * 0x7F00
    largest = build(METADATA, PackageChanges(filler=profile_package.LARGEST_FILLERS, empty=True))
    assert largest.count(b"\x80\x02\x7f\x00") == 239
    with pytest.raises(SetupIncomplete, match="files of 7770369 bytes: those of the tester have at most 7770368"):
        build(METADATA, PackageChanges(filler=profile_package.LARGEST_FILLERS - 65_535, margin=65_536, empty=True))


def test_the_smallest_package_is_three_apdus_once_protected() -> None:
    """Every load of a session on a card in a reader takes that long; one octet more may be an APDU more."""
    assert protected_length(0x86, len(build(METADATA))) <= 3 * 255


def test_the_filler_takes_room() -> None:
    assert len(build(METADATA, PackageChanges(filler=20_000))) - len(build(METADATA)) >= 20_000


def test_files_have_what_their_templates_leave_to_the_package() -> None:
    # TCA IFS annex A 9.2 and 9.5.1: number and length of the records of EF DIR and EF ARR, content of EF ECC.
    value = dict(elements())
    for directory, name, length in [("mf", "ef-dir", 38), ("mf", "ef-arr", 27), ("usim", "ef-arr", 27)]:
        descriptor = dict(value[directory][name])["fileDescriptor"]
        assert descriptor["fileDescriptor"] == bytes([0x42, 0x21, 0, length])
        assert descriptor["efFileSize"] == bytes([length])
        assert len(dict(value[directory][name])["fillFileContent"]) <= length
    assert dict(value["usim"]["ef-ecc"])["fillFileContent"] == bytes.fromhex("11F2FF00")


@pytest.mark.parametrize(
    ("owner", "third"),
    [({}, "04"), ({"gid1": b"\x01"}, "05"), ({"gid2": b"\x02"}, "06"), ({"gid1": b"\x01", "gid2": b"\x02"}, "07")],
)
def test_the_service_table_has_the_services_of_the_files_and_no_others(owner: dict[str, bytes], third: str) -> None:
    package = build(METADATA | {"profileOwner": {"mccMnc": bytes.fromhex("00F110")} | owner})
    value = dict(codec.decode("ProfileElement", part.octets) for part in tlv.parse_all(package))
    assert dict(value["usim"]["ef-ust"])["fileDescriptor"]["efFileSize"] == bytes([3])
    assert dict(value["usim"]["ef-ust"])["fillFileContent"].hex() == "0000" + third


def test_the_files_are_all_there_before_the_security_domain() -> None:
    assert names(filler=60_000)[-4:] == ["genericFileManagement", "genericFileManagement", "securityDomain", "end"]
    built = [
        codec.decode("ProfileElement", part.octets)[0]
        for part in tlv.parse_all(profile_package.build(ICCID, filler=60_000))
    ]
    assert built == names(filler=60_000)


def test_files_that_fill_have_no_short_identifier() -> None:
    # Without tag 88 it would be the low five bits: 0 for 2F80, and for 2F82 that of EF ICCID.
    made = [dict(command) for _, element in fillers(1_200_000) for command in element["fileManagementCMD"]]
    assert len(made) > 32
    assert {command["createFCP"]["shortEFID"] for command in made} == {b""}


def test_every_pin_that_a_directory_names_is_defined_with_the_mf() -> None:
    # TCA IFS 8.1: otherwise the installation ends with pin-code-missing.
    made = elements()
    value = dict(made)
    named = [dict(value[element][name])["fileDescriptor"] for element, name in [("mf", "mf"), ("usim", "adf-usim")]]
    references = {octet for descriptor in named for octet in descriptor["pinStatusTemplateDO"]}
    _, codes = value["pinCodes"]["pinCodes"]
    assert references == {int(code["keyReference"]) for code in codes} == {1, 10}
    unblocking = {int(code["unblockingPINReference"]) for code in codes if "unblockingPINReference" in code}
    assert unblocking == {int(code["keyReference"]) for code in value["pukCodes"]["pukCodes"]}
    order = [name for name, _ in made]
    assert order.index("mf") < order.index("pukCodes") < order.index("pinCodes") < order.index("usim")


def test_the_rule_of_the_usim_is_there_before_the_usim() -> None:
    value = dict(elements())
    for name, directory in [("mf", "mf"), ("usim", "adf-usim")]:
        assert dict(value[name][directory])["fileDescriptor"]["securityAttributesReferenced"].hex() == "2f0601"


@pytest.mark.parametrize("empty", [False, True])
def test_files_that_fill_have_what_no_template_gives_them(empty: bool) -> None:
    # ETSI TS 102 222 6.3.2.2.1: descriptor, identifier, security attributes and size are mandatory to create a file.
    (created,) = [
        value
        for name, element in elements(filler=300, empty=empty)
        if name == "genericFileManagement"
        for command in element["fileManagementCMD"]
        for kind, value in command
        if kind == "createFCP"
    ]
    assert created["fileDescriptor"] == bytes.fromhex("4121")
    assert created["fileID"] == bytes.fromhex("2F80")
    assert created["securityAttributesReferenced"] == bytes.fromhex("2F0601")
    assert created["efFileSize"] == bytes.fromhex("012C")


def test_files_that_fill_a_large_card_can_be_read_and_told_apart() -> None:
    made = elements(filler=5_000_000, empty=True)
    created = [
        dict(command)["createFCP"]
        for name, element in made
        if name == "genericFileManagement"
        for command in element["fileManagementCMD"]
    ]
    assert sum(int.from_bytes(entry["efFileSize"], "big") for entry in created) == 5_000_000
    assert max(int.from_bytes(entry["efFileSize"], "big") for entry in created) <= 0x7FFF
    identifiers = [entry["fileID"].hex() for entry in created]
    assert len(set(identifiers)) == len(identifiers)
    assert not {"2fe2", "2f00", "2f05", "2f06", "2f08"} & set(identifiers)
    headers = [value for _, element in made for key, value in element.items() if key.lower().endswith("-header")]
    numbers = [header["identification"] for header in headers]
    assert len(set(numbers)) == len(numbers)


def test_elements_that_are_left_out_or_put_in() -> None:
    assert names(without=["end"]) == names()[:-1]
    assert names(without=["header"]) == names()[1:]
    assert names(insert=[{"unknown": "optional", "before": "end"}]) == [*names()[:-1], "unknown", "end"]
    assert names(insert=[{"unknown": "optional", "after": "end"}]) == [*names(), "unknown"]
    with pytest.raises(ValueError, match="no element 'isim'; available: header, mf"):
        names(insert=[{"unknown": "optional", "before": "isim"}])


@pytest.mark.parametrize("kind", ["mandatory", "optional"])
def test_an_unknown_element_says_whether_it_is_mandatory(kind: str) -> None:
    inserted = elements(insert=[{"unknown": kind, "identification": 4711, "before": "end"}])[-2][1]
    header = {part.tag: part.value for part in inserted.children()[0].children()}
    assert header == ({0x80: b""} if kind == "mandatory" else {}) | {0x81: (4711).to_bytes(2, "big")}


def test_other_octets_altogether() -> None:
    assert build(METADATA, PackageChanges.model_validate({"octets": "A003800101"})).hex() == "a003800101"


@pytest.mark.parametrize(
    ("network", "imsi"),
    [("00F110", "001011234567891"[:15]), ("130062", "310260123456789"), ("99F999", "999991234567891"[:15])],
)
def test_the_imsi_is_of_the_owners_network(network: str, imsi: str) -> None:
    made = imsi_of({"mccMnc": bytes.fromhex(network)})
    assert made[:5] == imsi[:5]
    assert len(made) <= 15


def test_iccids_of_the_tester_end_in_their_check_digit() -> None:
    assert check_digit("7992739871") == "3"
    digits = to_digits(new_iccid(Random(1)))
    assert len(digits) == 19
    assert check_digit(digits[:-1]) == digits[-1]
