"""What the declaration of an SM-DP+ lists: addresses, how profiles are ordered, and which profiles it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pytest_euicc.conformance.files.metadata import MetadataWords
from pytest_euicc.conformance.files.orders import HeldOrder, Keys, OrderWish
from pytest_euicc.conformance.values.text import eid_digits
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import LARGEST_PACKAGE, read_file
from pytest_euicc.rsp import iccid as iccids

ProfileState = Literal[
    "Available", "Allocated", "Linked", "Confirmed", "Released", "Downloaded", "Installed", "Error", "Unavailable"
]
"""States of a profile on the server (SGP.22 3.1.6)."""
_ENOUGH_TRIES, _ENOUGH_CONFIRMATION_TRIES = 10, 3
_DECISIVE: dict[str, Any] = {"class": "operational", "ppr": []}
"""Metadata that decide about a download, with what they are where nothing is said: not to be had without asking."""


def _text(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError("put it in quotes; without them YAML makes a number of the digits")  # noqa: TRY004
    return value


def _iccid(value: str) -> str:
    iccids.to_octets(value)
    return value


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str)]


class Model(BaseModel):
    """A mapping of a declaration: nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Needs(Model):
    """What an eUICC must have for a profile."""

    memory: Annotated[int, Field(ge=0)] = 0


class Traits(Model):
    """Properties of profiles, with the keys of an inventory of the simulated SM-DP+ (docs/reference/inventory.md).

    Attributes:
        keys: what it is protected with: session keys, or ``random`` for ReplaceSessionKeys; left out if not known.
        confirmation_tries: wrong confirmation codes allowed.
        tries: downloads allowed.
        expires: when the order expires.
        rebinding: whether it is bound again for another one-time key.
        needs: what the eUICC must have: ``memory`` in bytes.
        metadata: as far as they are known (docs/reference/inventory.md); ``raw`` is the whole StoreMetadataRequest in
            hex.
    """

    keys: Keys | None = None
    confirmation_tries: Annotated[int, Field(ge=1)] | None = None
    tries: Annotated[int, Field(ge=0)] | None = None
    expires: Annotated[datetime, AfterValidator(_aware)] | None = None
    rebinding: bool = True
    needs: Needs = Needs()
    metadata: MetadataWords = {}

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= datetime.now(UTC)

    def has_properties_of(self, wish: OrderWish) -> bool:
        """Whether profiles like these are what a sequence wishes for, whoever may have them."""
        return (
            wish.keys in (None, self.keys)
            and _tries(wish.tries, self.tries, _ENOUGH_TRIES)
            and _tries(wish.confirmation_tries, self.confirmation_tries, _ENOUGH_CONFIRMATION_TRIES)
            and (wish.expired, wish.rebinding, wish.memory) == (self.expired, self.rebinding, self.needs.memory)
            and self._have_metadata(wish)
        )

    def _have_metadata(self, wish: OrderWish) -> bool:
        icon = self.metadata.get("icon", "")
        if wish.icon and len(icon) != 2 * wish.icon:
            return False
        wished = {**_DECISIVE, **wish.metadata}
        return all(_same(self.metadata.get(name, _DECISIVE.get(name)), value, name) for name, value in wished.items())


_ALL_EVENTS = {"install", "enable", "disable", "delete"}


def _tries(wished: int | None, held: int | None, enough: int) -> bool:
    """Whether a limit is the one wished for; without a wish, or with a high one, no limit that would be reached."""
    least = enough if wished is None else wished
    return held == wished or (least >= enough and (held is None or held >= least))


def _same(held: Any, wished: Any, name: str = "") -> bool:
    """Whether a value has all that is wished for: more keys in a mapping do not matter."""
    if name == "notify" and isinstance(held, list) and isinstance(wished, list):
        return _events(held) == _events(wished)
    if isinstance(wished, Mapping) and isinstance(held, Mapping):
        return all(_same(held.get(name), value) for name, value in wished.items())
    if isinstance(wished, list) and isinstance(held, list):
        return len(held) == len(wished) and all(map(_same, held, wished))
    return bool(held == wished)


def _events(notify: list[Any]) -> set[Any]:
    """What notifications are sent of, however the entries of ``notify`` share it out."""
    return {event for entry in notify if isinstance(entry, Mapping) for event in entry.get("events", [])}


class HeldProfile(Traits):
    """One profile that the server holds, with its order.

    Attributes:
        matching_id: left out for a profile that the server finds by EID alone.
        eid: the EID it is reserved for.
        event: whether it is registered at an SM-DS.
        confirmation_code: that it needs.
        state: of the profile (SGP.22 3.1.6).
        iccid: its ICCID, 19 or 20 digits.
        type: profileType of ES2+.
        file: the unprotected profile package, to compare with what is downloaded.
        reusable: ``true``: as new for every sequence, whatever earlier ones did; ``unspent``: for every sequence that
            does not use it up; otherwise it is used for one sequence.
    """

    matching_id: Text = ""
    eid: Annotated[Text, AfterValidator(eid_digits)] | None = None
    event: bool = False
    confirmation_code: Text | None = None
    state: ProfileState = "Released"
    iccid: Annotated[Text, AfterValidator(_iccid)] | None = None
    type: str | None = None
    file: Path | None = None
    reusable: bool | Literal["unspent"] = False

    @model_validator(mode="after")
    def _found_somehow(self) -> HeldProfile:
        if not self.matching_id and self.eid is None:
            raise ValueError("give matching_id, or the eid by which the server finds it")
        return self

    def matches(self, wish: OrderWish) -> bool:
        """Whether it is what a sequence wishes for."""
        named = wish.matching_id == self.matching_id if wish.matching_id is not None else bool(self.matching_id)
        eid = wish.eid.hex() if wish.eid else None
        return (
            named
            and (eid, wish.event, wish.state) == (self.eid, self.event, self.state)
            and (wish.confirmation_code is None) == (self.confirmation_code is None)
            and (wish.package is None or self._package() == wish.package)
            and len(self._package() or b"") >= wish.octets
            and not (wish.consumed and self.reusable == "unspent")
            and self.has_properties_of(wish)
        )

    def beside(self, wish: OrderWish) -> int:
        """How many of its properties a matching wish does not ask for."""
        different = (
            self.keys != wish.keys,
            self.tries != wish.tries,
            self.confirmation_tries != wish.confirmation_tries,
            self.file is not None and wish.package is None,
        )
        # Notifications of every event are those of a profile of which nothing is asked.
        usual = {"notify"} if _events(self.metadata.get("notify", [])) == _ALL_EVENTS else set()
        return sum(different) + len(self.metadata.keys() - wish.metadata.keys() - usual)

    def _package(self) -> bytes | None:
        return read_file(self.file, LARGEST_PACKAGE) if self.file is not None else None

    def held(self) -> HeldOrder:
        """The order as sequences know it."""
        raw = self.metadata.get("raw")
        return HeldOrder(
            self.matching_id,
            self.confirmation_code,
            iccids.to_octets(self.iccid) if self.iccid else None,
            bytes.fromhex(raw) if isinstance(raw, str) else None,
            self._package(),
            {word: value for word, value in self.metadata.items() if word != "raw"},
        )


def matching(profiles: Sequence[HeldProfile], wish: OrderWish) -> list[int]:
    """Places of the profiles that serve a wish, the best first: reusable ones, then those with the least beside it.

    What a profile has beside the wish, another sequence may need; sequences of several workers come in any order.
    """

    found = [place for place, profile in enumerate(profiles) if profile.matches(wish)]
    return sorted(found, key=lambda place: (not profiles[place].reusable, profiles[place].beside(wish)))


def https_url(url: str) -> str:
    """The address of a server, without a slash at its end.

    Raises:
        ValueError: with a message for people.
    """
    try:
        parts = urlsplit(url)
        right = parts.scheme == "https" and bool(parts.hostname) and (parts.port or 1) > 0 and parts.path in ("", "/")
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"{url!r} is not an address of a server; write https://host or https://host:port")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(https_url)]


class Addresses(Model):
    """Where the SM-DP+ is.

    Attributes:
        smdp: smdpAddress, as in activation codes; by default the host of ``nist``.
        nist: URL of ES9+ with a certificate on P-256; ``--smdp`` replaces it.
        brainpool: URL of ES9+ with a certificate on brainpoolP256r1; by default that of ``nist``.
        resolve: IP addresses of host names, in place of the resolver.
    """

    smdp: str | None = None
    nist: Url | None = None
    brainpool: Url | None = None
    resolve: dict[str, str] = Field(default_factory=dict)


class ProfileType(Traits):
    """Profiles that the operator can order by a profileType.

    Attributes:
        type: the profileType.
    """

    type: str


class Es2Plus(Model):
    """How the tester orders profiles as an operator does (SGP.22 5.3).

    Attributes:
        url: URL of ES2+.
        identity: PEM file with the operator's certificate, the intermediate certificates up to the CI, and its key.
        requester: functionRequesterIdentifier.
        smds_address: the SM-DS for events; without it none are ordered.
        types: what can be ordered; the first one that matches what a sequence needs is used.
    """

    url: Url
    identity: Path | None = None
    requester: Annotated[str, Field(pattern=r"^[0-2](\.\d+)+$")] = "2.999.100"
    smds_address: str | None = None
    types: Annotated[list[ProfileType], Field(min_length=1)]


class InventoryFile(Model):
    """A file of its own with what an SM-DP+ holds."""

    profiles: list[HeldProfile] = Field(default_factory=list)


def under(folder: Path, profiles: list[HeldProfile]) -> list[HeldProfile]:
    """Profiles whose package files are found beside the file that lists them; raises ValueError for a missing one."""
    found = []
    for index, profile in enumerate(profiles):
        if profile.file is not None:
            path = folder / profile.file
            if not path.is_file():
                raise MissingFile(index, f"file {path}: no such file")
            found.append(profile.model_copy(update={"file": path}))
        else:
            found.append(profile)
    return found


class MissingFile(PytestEuiccError, ValueError):
    """A profile names a file that is not there.

    Attributes:
        index: of the profile.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
