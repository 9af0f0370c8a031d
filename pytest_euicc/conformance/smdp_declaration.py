"""The part of a declaration that only an SM-DP+ has: where it is, how it is provisioned, what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from pytest_euicc.conformance.smdp_inventory import HeldProfile, Model, Traits


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
        raise ValueError(f"{url!r} is no address of a server; write https://host or https://host:port")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(https_url)]


class Addresses(Model):
    """Where the SM-DP+ is.

    Attributes:
        smdp: what activation codes name (smdpAddress); by default the host of ``nist``.
        nist, brainpool: ES9+ with a certificate on that curve; the same by default.
        resolve: addresses of host names, in place of the resolver.
    """

    smdp: str | None = None
    nist: Url | None = None
    brainpool: Url | None = None
    resolve: dict[str, str] = Field(default_factory=dict)


class ProfileType(Traits):
    """Profiles that the operator can order by a profileType."""

    type: str


class Es2Plus(Model):
    """How the tester orders profiles as an operator does (SGP.22 5.3).

    Attributes:
        identity: PEM file with the operator's certificate, those between it and the CI, and its key.
        requester: functionRequesterIdentifier.
        smds_address: where events are registered; without it none are ordered.
        types: what can be ordered, the first that suits a sequence is.
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


class MissingFile(ValueError):
    """A profile names a file that is not there.

    Attributes:
        index: of the profile.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def known_keys(model: Any, place: tuple[str | int, ...]) -> list[str]:
    """The keys allowed beside one at a place of a model."""
    for part in place[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = _model_within(field.annotation) if field is not None else None
        if model is None:
            return []
    return [entry.alias or name for name, entry in model.model_fields.items()]


def _model_within(annotation: Any) -> Any:
    """The model of an annotation such as ``list[Model]`` or ``Model | None``."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_within(part))), None)
