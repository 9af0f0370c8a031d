"""The unprotected profile package of a profile of the tester, and what a vector wants otherwise in it (TCA IFS)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_euicc.conformance.registry import Hex
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.profile_package import Element


class Insertion(BaseModel):
    """An element of a tag that no eUICC knows, and where it goes: before or after the element of a name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unknown: Literal["mandatory", "optional"]
    identification: int = 77
    before: str | None = None
    after: str | None = None


class PackageChanges(BaseModel):
    """What is otherwise in a profile package than in one that is right for its metadata.

    Attributes:
        octets: another package altogether.
        iccid: of another profile, in the header and in EF ICCID.
        ef_iccid, imsi, gid1: contents of these files, others than the metadata say.
        key: of the network access application, such as no test profile may have.
        filler: octets of files that only take room.
        without: names of elements that are left out.
        insert: elements that are put in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    octets: Hex | None = None
    iccid: Hex | None = None
    ef_iccid: Hex | None = None
    imsi: str | None = Field(None, pattern=r"^\d{6,15}$")
    gid1: Hex | None = None
    key: Hex | None = None
    filler: int = Field(0, ge=0)
    without: tuple[str, ...] = ()
    insert: tuple[Insertion, ...] = ()


def build(metadata: dict[str, Any], changes: PackageChanges | None = None) -> bytes:
    """The package of the profile that metadata describe.

    Args:
        metadata: the StoreMetadataRequest; its owner makes EF IMSI, EF GID1 and EF GID2.

    Raises:
        ValueError: the package has no element of a name that ``changes`` speak of.
    """
    changes = changes or PackageChanges()
    if changes.octets is not None:
        return changes.octets
    owner = metadata.get("profileOwner", {})
    gids = {name: owner[name] for name in ("gid1", "gid2") if name in owner}
    if changes.gid1 is not None:
        gids["gid1"] = changes.gid1
    elements = profile_package.standard_elements(
        changes.iccid or metadata["iccid"],
        imsi=changes.imsi or imsi_of(owner),
        service_provider="Test operator",
        gids=gids,
    )
    elements += [*profile_package.fillers(changes.filler), profile_package.END]
    _change_files(dict(elements), changes)
    return _joined([element for element in elements if element[0] not in _known(elements, changes.without)], changes)


def imsi_of(owner: dict[str, Any]) -> str:
    """An IMSI of the owner's network, of the test network without one (3GPP TS 24.008 10.5.1.13, TS 31.102 4.2.2)."""
    network = profile_package.network_digits(owner.get("mccMnc", b"\x00\xf1\x10")).replace("e", "0")
    return network + "123456789"[: 15 - len(network)]


def _change_files(elements: dict[str, Any], changes: PackageChanges) -> None:
    if changes.ef_iccid is not None:
        elements["mf"]["ef-iccid"][-1] = ("fillFileContent", changes.ef_iccid)
    if changes.key is not None:
        elements["akaParameter"]["algoConfiguration"][1]["key"] = changes.key


def _known(elements: list[Element], names: tuple[str, ...]) -> tuple[str, ...]:
    there = [name for name, _ in elements]
    for name in names:
        if name not in there:
            raise ValueError(f"the package has no element {name!r}; there are: {', '.join(dict.fromkeys(there))}")
    return names


def _joined(elements: list[Element], changes: PackageChanges) -> bytes:
    encoded = [(name, profile_package.join([(name, value)])) for name, value in elements]
    for insertion in changes.insert:
        new = profile_package.unknown_element(insertion.identification, mandatory=insertion.unknown == "mandatory")
        beside = insertion.before or insertion.after or "end"
        _known(elements, (beside,))
        at = next(at for at, (name, _) in enumerate(encoded) if name == beside)
        encoded.insert(at + (insertion.after is not None), ("unknown", new))
    return b"".join(octets for _, octets in encoded)
