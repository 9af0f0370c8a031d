"""The unprotected profile package of a profile of the tester, and what a vector wants otherwise in it (TCA IFS)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.package_secrets import note_milenage, note_secrets
from pytest_euicc.rsp.profile_package import Element

_OPERATOR = "Test operator"


class Insertion(BaseModel):
    """A profile element with a tag that no eUICC knows, before or after the element of a name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unknown: Literal["mandatory", "optional"]
    identification: int = 77
    before: str | None = None
    after: str | None = None


class PackageChanges(BaseModel):
    """Differences between a profile package and the one that matches the metadata.

    Attributes:
        octets: another package in place of the tester's.
        iccid: of another profile, in the header and in EF ICCID.
        ef_iccid: content of EF ICCID.
        imsi: content of EF IMSI.
        gid1: content of EF GID1.
        key: of the network access application, such as a test profile must not have.
        filler: bytes of additional files.
        margin: bytes beyond filler, where a card may have more room than it reports.
        empty: the additional files have this size and no content, so that they need not be sent.
        without: names of profile elements that are left out.
        insert: profile elements that are added: ``unknown`` is mandatory or optional, ``identification`` its number;
            ``before`` or ``after`` the element of this name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    octets: Hex | None = None
    iccid: Hex | None = None
    ef_iccid: Hex | None = None
    imsi: str | None = Field(None, pattern=r"^\d{6,15}$")
    gid1: Hex | None = None
    key: Hex | None = None
    filler: int = Field(0, ge=0)
    margin: int = Field(0, ge=0)
    empty: bool = False
    without: tuple[str, ...] = ()
    insert: tuple[Insertion, ...] = ()


def build(metadata: dict[str, Any], changes: PackageChanges | None = None) -> bytes:
    """The package of the profile that metadata describe.

    Args:
        metadata: the StoreMetadataRequest; its owner makes EF IMSI, EF GID1 and EF GID2.

    Raises:
        ValueError: the package has no element of a name that ``changes`` speak of.
        SetupIncomplete: the tester has no package as large as that.
    """
    changes = changes or PackageChanges()
    if changes.octets is not None:
        note_secrets(changes.octets)
        return changes.octets
    owner = metadata.get("profileOwner", {})
    gids = {name: owner[name] for name in ("gid1", "gid2") if name in owner}
    if changes.gid1 is not None:
        gids["gid1"] = changes.gid1
    iccid, imsi = changes.iccid or metadata["iccid"], changes.imsi or imsi_of(owner)
    if changes.ef_iccid is None and changes.key is None:
        standard = profile_package.encoded_elements(iccid, imsi=imsi, service_provider=_OPERATOR, gids=gids)
    else:
        elements = profile_package.standard_elements(iccid, imsi=imsi, service_provider=_OPERATOR, gids=gids)
        _change_files(dict(elements), changes)
        standard = _encoded(elements)
    wanted = changes.filler + changes.margin
    if wanted > profile_package.LARGEST_FILLERS:
        raise SetupIncomplete(
            f"a package with additional files of {wanted} bytes: those of the tester have at most "
            f"{profile_package.LARGEST_FILLERS}"
        )
    fillers = profile_package.fillers(wanted, empty=changes.empty)
    encoded = profile_package.with_files(standard, _encoded(fillers)) + _encoded([profile_package.END])
    without = _known(encoded, changes.without)
    return _joined([element for element in encoded if element[0] not in without], changes)


def _encoded(elements: list[Element]) -> list[tuple[str, bytes]]:
    return [(name, profile_package.join([(name, value)])) for name, value in elements]


def imsi_of(owner: dict[str, Any]) -> str:
    """An IMSI of the owner's network, of the test network without one (3GPP TS 24.008 10.5.1.13, TS 31.102 4.2.2)."""
    network = profile_package.network_digits(owner.get("mccMnc", b"\x00\xf1\x10")).replace("e", "0")
    return network + "123456789"[: 15 - len(network)]


def _change_files(elements: dict[str, Any], changes: PackageChanges) -> None:
    if changes.ef_iccid is not None:
        elements["mf"]["ef-iccid"][-1] = ("fillFileContent", changes.ef_iccid)
    if changes.key is not None:
        parameters = elements["akaParameter"]["algoConfiguration"][1]
        parameters["key"] = changes.key
        note_milenage(changes.key, parameters["opc"])


def _known(elements: list[tuple[str, bytes]], names: tuple[str, ...]) -> tuple[str, ...]:
    there = [name for name, _ in elements]
    for name in names:
        if name not in there:
            raise ValueError(f"the package has no element {name!r}; available: {', '.join(dict.fromkeys(there))}")
    return names


def _joined(encoded: list[tuple[str, bytes]], changes: PackageChanges) -> bytes:
    for insertion in changes.insert:
        new = profile_package.unknown_element(insertion.identification, mandatory=insertion.unknown == "mandatory")
        beside = insertion.before or insertion.after or "end"
        _known(encoded, (beside,))
        at = next(at for at, (name, _) in enumerate(encoded) if name == beside)
        encoded.insert(at + (insertion.after is not None), ("unknown", new))
    return b"".join(octets for _, octets in encoded)
