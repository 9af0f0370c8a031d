"""The inventory of a simulated SM-DP+: a YAML file of its profiles and their orders."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.document import Document
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import LARGEST_PACKAGE, read_file
from pytest_euicc.rsp import iccid as iccids
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.package_secrets import note_secrets
from pytest_euicc.simulator.smdp.orders.metadata import Metadata, Model, Octets
from pytest_euicc.simulator.smdp.orders.needs import Needs
from pytest_euicc.simulator.smdp.orders.orders import LARGEST_METADATA, Order, Profile, State

_PROFILE_HEADER, _HEADER_ICCID = 0xA0, 0x83


_LARGEST_FILE = 16 << 20


class InventoryError(PytestEuiccError):
    """An inventory cannot be used; the message names file, line and how to fix every mistake."""


def _quoted(value: Any) -> Any:
    if isinstance(value, int):
        # pydantic reports ValueError, not TypeError.
        raise ValueError(  # noqa: TRY004
            "put it in quotes; YAML reads digits without quotes as a number"
        )
    return value


def _eid(value: str) -> str:
    if len(value) != 32 or not value.isascii() or not value.isdecimal():
        raise ValueError("an EID has 32 digits")
    return value


def _iccid(value: str) -> str:
    iccids.to_octets(value)
    return value


def _version(value: Any) -> Any:
    if isinstance(value, bytes):
        return value
    parts = str(value).split(".")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        raise ValueError(f"{value!r} is not a version; write three numbers, such as 2.3.1")
    return bytes(map(int, parts))


def _matching_id(value: str) -> str:
    if not all(letter.isascii() and (letter.isupper() or letter.isdecimal() or letter == "-") for letter in value):
        raise ValueError("a matchingId has capital letters, digits and '-' only (SGP.22 4.1.1)")
    return value


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Digits = Annotated[str, BeforeValidator(_quoted)]


class NeedsEntry(Model):
    """What an eUICC must have for a profile."""

    memory: int = 0
    volatile_memory: int = 0
    capabilities: frozenset[str] = frozenset()
    profile_version: Annotated[bytes | None, BeforeValidator(_version)] = None

    @model_validator(mode="after")
    def _known_capabilities(self) -> NeedsEntry:
        known = codec.fields("UICCCapability").names
        unknown = sorted(self.capabilities - set(known))
        if unknown:
            raise ValueError(f"no capability {', '.join(unknown)}; there are {', '.join(known)}")
        return self


class ProfileEntry(Model):
    """One profile with its order."""

    iccid: Annotated[Digits, AfterValidator(_iccid)] | None = None
    type: str = "operational"
    file: Path | None = None
    octets: Octets | None = None
    metadata: Metadata = Metadata()
    keys: Annotated[str, Field(pattern="^(session|random)$")] = "session"
    metadata_portion: Annotated[int, Field(ge=1, le=LARGEST_METADATA)] = LARGEST_METADATA
    rebinding: bool = True
    needs: NeedsEntry = NeedsEntry()
    state: State = State.RELEASED
    matching_id: Annotated[Digits, AfterValidator(_matching_id)] = ""
    eid: Annotated[Digits, AfterValidator(_eid)] | None = None
    confirmation_code: Annotated[Digits, Field(min_length=1)] | None = None
    confirmation_tries: Annotated[int, Field(ge=1)] = 3
    tries: Annotated[int, Field(ge=0)] = 10
    expires: Annotated[datetime, AfterValidator(_aware)] | None = None
    # What a tester notes beside an order (docs/reference/declaration.md, inventory); nothing to a server.
    event: bool = False
    reusable: bool | str = False

    @model_validator(mode="after")
    def _consistent(self) -> ProfileEntry:
        if self.file is not None and self.octets is not None:
            raise ValueError("give the profile package as file or as octets, or leave both out")
        if not self.matching_id and self.eid is None and self.state is not State.AVAILABLE:
            raise ValueError("give matching_id, or the eid by which the server finds the profile")
        return self

    def _package(self, folder: Path) -> bytes:
        """The profile package; one made for the ICCID where none is given."""
        if self.octets is not None:
            return self.octets
        if self.file is not None:
            return _read(folder / self.file)
        return profile_package.build(iccids.to_octets(self.iccid)) if self.iccid is not None else b""

    def order(self, folder: Path) -> Order:
        """The order, its package read from the folder; raises ValueError with what does not fit."""
        package = self._package(folder)
        if self.octets is not None or self.file is not None:
            note_secrets(package)
        held = package_iccid(package)
        if self.iccid is None and held is None:
            raise ValueError("iccid is missing, and there is no profile package with a header that contains it")
        octets = iccids.to_octets(self.iccid) if self.iccid is not None else held or b""
        if held is not None and held != octets:
            raise ValueError(f"iccid {self.iccid}: the profile package is for {iccids.to_digits(held)}")
        needs = Needs(**{name: getattr(self.needs, name) for name in NeedsEntry.model_fields})
        profile = Profile(
            octets,
            self.type,
            self.metadata.encode(octets),
            package,
            self.keys == "random",
            self.metadata_portion,
            self.rebinding,
            needs,
            self.tries,
            self.confirmation_tries,
        )
        return Order(
            profile,
            self.state,
            self.matching_id,
            bytes.fromhex(self.eid) if self.eid else None,
            confirmation_hash(self.confirmation_code) if self.confirmation_code else None,
            self.expires,
        )


class Inventory(Model):
    """The inventory of a simulated SM-DP+.

    Attributes:
        addresses: names it answers to (smdpAddress), the first being its own.
        curves: of its certificates.
        session_lifetime: seconds from the last step of a session to its end.
        operator_url: where HandleDownloadProgressInfo goes; nowhere if None.
    """

    addresses: tuple[str, ...] = Field(("testsmdpplus1.example.com", "localhost", "127.0.0.1", "::1"), min_length=1)
    curves: tuple[Annotated[str, Field(pattern="^(nist|brainpool)$")], ...] = ("nist", "brainpool")
    session_lifetime: Annotated[float, Field(gt=0)] = 600.0
    operator_url: str | None = None
    profiles: tuple[ProfileEntry, ...] = ()

    def orders(self, folder: Path = Path()) -> list[Order]:
        """The orders, packages read from the folder; raises InventoryError."""
        orders, mistakes = self._orders(folder)
        if mistakes:
            raise InventoryError("\n".join(f"profiles.{index}: {reason}" for index, reason in mistakes))
        return orders

    def _orders(self, folder: Path) -> tuple[list[Order], list[tuple[int, str]]]:
        orders: list[Order] = []
        mistakes: list[tuple[int, str]] = []
        seen: set[str | bytes] = set()
        for index, entry in enumerate(self.profiles):
            try:
                order = entry.order(folder)
            except ValueError as error:
                mistakes.append((index, str(error)))
                continue
            for key, what in ((order.profile.iccid, "iccid"), (order.matching_id, "matching_id")):
                if key and key in seen:
                    mistakes.append((index, f"{what} is that of an earlier profile too"))
                seen.add(key)
            orders.append(order)
        return orders, mistakes


def load(path: Path) -> tuple[Inventory, list[Order]]:
    """Read an inventory file; packages are found beside it.

    Raises:
        InventoryError: every mistake with its line.
    """
    document = Document.read(path, _LARGEST_FILE)
    inventory = document.instance(Inventory, "an inventory")
    orders: list[Order] = []
    if inventory is not None:
        orders, mistakes = inventory._orders(path.parent)
        for index, reason in mistakes:
            document.mistake(("profiles", index), reason)
    if inventory is None or document.mistakes:
        raise InventoryError("\n".join(map(str, sorted(document.mistakes))))
    return inventory, orders


def confirmation_hash(code: str) -> bytes:
    """SHA-256 of a confirmation code: what a server keeps of it (SGP.22 3.1.3)."""
    return hashlib.sha256(code.encode()).digest()


def package_iccid(package: bytes) -> bytes | None:
    """The ICCID that the header of a profile package names, nibbles swapped; None where it begins with no header."""
    try:
        header = tlv.read(package, 0)
        named = [child for child in header.children() if child.tag == _HEADER_ICCID]
    except tlv.TlvError:
        return None
    if header.tag != _PROFILE_HEADER or not named or len(named[0].value) != 10:
        return None
    return iccids.swapped(named[0].value)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, LARGEST_PACKAGE)
    except OSError as error:
        raise ValueError(f"file {path}: {error.strerror}") from None
