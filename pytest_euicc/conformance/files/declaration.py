"""Declarations: what an implementation under test supports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from pytest_euicc.conformance.files import observations
from pytest_euicc.conformance.files.applicability import Applicability, Value, parse
from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.conformance.files.inventory import (
    Addresses,
    Es2Plus,
    HeldProfile,
    InventoryFile,
    MissingFile,
    under,
)
from pytest_euicc.conformance.values.text import eid_digits, parse_hex, parse_version
from pytest_euicc.document import Document, FileMistakes, Mistake, Place, known_keys, pydantic_message
from pytest_euicc.text import closest


def _version_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _check_version(text: str) -> str:
    return ".".join(map(str, parse_version(text)))


def _check_hex(value: Any) -> str:
    return parse_hex(value).hex().upper()


def _options(value: Any) -> Any:
    names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    given = value if isinstance(value, dict) else dict.fromkeys(value, True) if names else None
    if given is None:
        raise ValueError("options must be a list of names, or a mapping of names to true or false")
    for name, held in given.items():
        if name not in OPTIONS:
            raise ValueError(f"unknown option {name!r}{closest(str(name), OPTIONS)}")
        if not isinstance(held, bool):
            raise ValueError(f"option {name} must be true or false, not {held!r}")  # noqa: TRY004
    return given


def _known_observations(chosen: dict[str, Any]) -> dict[str, Any]:
    for kind in chosen:
        if kind not in observations.KINDS:
            raise ValueError(f"no kind of observation {kind!r}{closest(kind, observations.KINDS)}")
    return chosen


FIRST_VERSION, LAST_VERSION = (2, 2), (2, 7)
"""Versions of SGP.22 that a declaration file may name."""
_NUMBERS: dict[str, Any] = {"type": ["string", "number"], "pattern": r"^\d{1,3}(\.\d{1,3}){1,2}$"}

Version = Annotated[str, BeforeValidator(_version_text), AfterValidator(_check_version), WithJsonSchema(_NUMBERS)]
Eid = Annotated[
    str,
    BeforeValidator(_version_text),
    AfterValidator(eid_digits),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^[\d ]*$"}),
]
HexText = Annotated[str, BeforeValidator(_check_hex), WithJsonSchema({"type": ["string", "integer"]})]


class Declaration(BaseModel):
    """A declaration file; what is None is not declared, and sequences that read it are not applicable.

    Attributes:
        name: of the product, for reports.
        iut: the kind of implementation under test.
        version: version of SGP.22 that it follows, 2.2 to 2.7; a file must name it.
        options: names of the options that it has, as a list; all others are false. A mapping of names to true or false
            also says which ones it does not have. Sessions use brainpoolP256r1 if ``O_E_BRP`` is declared without
            ``O_E_NIST``, otherwise P-256.
        svn: what GetEUICCInfo must return.
        eid: EID of the card.
        ci_verification: euiccCiPKIdListForVerification, in order of priority.
        ci_signing: euiccCiPKIdListForSigning, in order of priority.
        default_address: default SM-DP+ address.
        root_sds_address: root SM-DS address.
        pp_version: ppVersion.
        profile_version: profileVersion.
        firmware_version: euiccFirmwareVer.
        uicc_capability: names of the bits set in uiccCapability.
        rsp_capability: names of the bits set in rspCapability.
        forbidden_ppr: names of the bits set in forbiddenProfilePolicyRules.
        rat: the Rules Authorisation Table, as the value of GetRatResponse.rat.
        settings: anything else that vectors read as ``${declaration.settings.name}``. The vectors of this package know
            ``published_profile`` (a file) and, of an SM-DP+, ``ci_without_certificate`` (a CI key identifier).
        observations: kinds of observations that are failures for this implementation, ``{unknown-element: fail}``; the
            others are noted and never change a verdict.
        test_cards: EIDs of cards that may be changed without ``--euicc-allow-destructive``.
        restore: command APDUs that restore the card's personalised state, sent on the basic channel after a
            reset.
        addresses: of an SM-DP+: where it is.
        es2plus: of an SM-DP+: how the tester orders profiles (SGP.22 5.3).
        inventory: of an SM-DP+: the profiles it holds, or the name of a file that lists them under ``profiles:``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "undeclared"
    iut: str = "euicc"
    """The kind of implementation under test, as in vectors."""
    version: Version = "2.6.0"
    options: Annotated[dict[str, bool], BeforeValidator(_options)] = {}
    svn: Version | None = None
    eid: Eid | None = None
    ci_verification: list[HexText] | None = None
    ci_signing: list[HexText] | None = None
    default_address: str | None = None
    root_sds_address: str | None = None
    pp_version: Version | None = None
    profile_version: Version | None = None
    firmware_version: Version | None = None
    uicc_capability: list[str | int] | None = None
    rsp_capability: list[str | int] | None = None
    forbidden_ppr: list[str | int] | None = None
    rat: list[Any] | None = None
    settings: dict[str, Any] = {}
    observations: Annotated[dict[str, Literal["fail", "note"]], AfterValidator(_known_observations)] = {}
    test_cards: list[Eid] = []
    restore: list[HexText] = []
    addresses: Addresses = Addresses()
    es2plus: Es2Plus | None = None
    inventory: list[HeldProfile] = []

    @classmethod
    def load(cls, path: Path, *, to_come: Path | None = None) -> Declaration:
        """Read a declaration file.

        Args:
            to_come: an inventory that is about to be written: not there yet, it is empty.

        Raises:
            FileMistakes: with every mistake, one line each.
        """
        document = Document.read(path)
        declaration = None if document.mistakes else cls._validated(document, path.parent, to_come)
        if document.mistakes or declaration is None:
            raise FileMistakes(document.mistakes)
        return declaration

    @classmethod
    def _validated(cls, document: Document, folder: Path, to_come: Path | None) -> Declaration | None:
        data = _mapping(document, "a declaration")
        if data is None:
            return None
        held = data.pop("inventory") if isinstance(data.get("inventory"), str) else None
        _check_known_version(document, data)
        declaration = _instance(cls, document, data)
        if declaration is None:
            return None
        inventory = declaration.inventory
        if held is not None:
            file = folder / held
            if file.exists():
                inventory = load_inventory(file, document.mistakes)
            elif to_come is None or file.resolve() != to_come.resolve():
                document.mistake(("inventory",), f"{file}: no such file; `pytest-euicc provisioning --out` writes one")
        else:
            inventory = _beside(document, folder, inventory, ("inventory",))
        es2plus = declaration.es2plus
        if es2plus is not None and es2plus.identity is not None:
            identity = folder / es2plus.identity
            if not identity.is_file():
                document.mistake(("es2plus", "identity"), f"{identity}: no such file")
            es2plus = es2plus.model_copy(update={"identity": identity})
        return declaration.model_copy(update={"inventory": inventory, "es2plus": es2plus})

    def values(self) -> dict[str, Value]:
        """Values for applicability expressions."""
        values: dict[str, Value] = dict(self.options)
        values["version"] = parse_version(self.version)
        values["svn"] = parse_version(self.svn) if self.svn else None
        return values

    @property
    def curve(self) -> Literal["nist", "brainpool"]:
        """What a session is on unless a step says so: P-256, or brainpoolP256r1 where that alone is declared."""
        nist, brainpool = self.options.get("O_E_NIST"), self.options.get("O_E_BRP")
        return "brainpool" if nist is False or (brainpool and not nist) else "nist"

    def applies(self, expression: str) -> Applicability:
        """Evaluate an applicability expression against this declaration."""
        return parse(expression).evaluate(self.values())

    def declared(self) -> Mapping[str, Any]:
        """All that is declared, for ``${declaration.name}``."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


def _known(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _check_known_version(document: Document, data: dict[str, Any]) -> None:
    """A file says which version of SGP.22 it is about, for sequences apply by it."""
    reported = f"write the version of SGP.22 that it follows, {_known(FIRST_VERSION)} to {_known(LAST_VERSION)}"
    if "version" not in data:
        document.mistake((), f"key 'version' is missing; {reported}")
        return
    try:
        version = parse_version(str(data["version"]))
    except ValueError:
        return
    if not FIRST_VERSION <= version[:2] <= LAST_VERSION:
        document.mistake(("version",), f"version {data['version']} is not known to this release; {reported}")


def load_inventory(path: Path, mistakes: list[Mistake]) -> list[HeldProfile]:
    """Read a file with what an SM-DP+ holds; what is wrong with it is added to the mistakes."""
    document = Document.read(path)
    found: list[HeldProfile] = []
    data = None if document.mistakes else _mapping(document, "an inventory")
    if data is not None:
        read = _instance(InventoryFile, document, data)
        found = _beside(document, path.parent, read.profiles, ("profiles",)) if read is not None else []
    mistakes += document.mistakes
    return found


def _beside(document: Document, folder: Path, profiles: list[HeldProfile], place: Place) -> list[HeldProfile]:
    try:
        return under(folder, profiles)
    except MissingFile as missing:
        document.mistake((*place, missing.index, "file"), str(missing))
        return profiles


def _mapping(document: Document, what: str) -> dict[str, Any] | None:
    if not isinstance(document.data, dict):
        document.mistake((), f"{what} must be a mapping (key: value)")
        return None
    return {key: entry for key, entry in document.data.items() if not key.startswith("x-")}


Read = TypeVar("Read", bound=BaseModel)


def _instance(model: type[Read], document: Document, data: dict[str, Any]) -> Read | None:
    """The data as a model; None, and mistakes in the document, where they do not fit."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for entry in error.errors():
            place = tuple(part for part in entry["loc"] if isinstance(part, str | int))
            message = pydantic_message(entry, known_keys(model, place))
            place, key = _option_place(place, data, entry["msg"])
            document.mistake(place, message, key=key or entry["type"] == "extra_forbidden")
    return None


def _option_place(
    place: tuple[str | int, ...], data: dict[str, Any], message: str
) -> tuple[tuple[str | int, ...], bool]:
    """The place of the option that a message names; other places stay."""
    if place != ("options",):
        return place, False
    given = data.get("options")
    for index, name in enumerate(given) if isinstance(given, list | dict) else ():
        if f"{name!r}" in message:
            return ("options", index if isinstance(given, list) else name), isinstance(given, dict)
    return place, False
