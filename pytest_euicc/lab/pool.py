"""The cards of a laboratory as a file: products, each with its declaration, and where their cards are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from pytest_euicc.card.transport import kinds
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.values.text import parse_hex
from pytest_euicc.document import Document, FileMistakes, pydantic_message
from pytest_euicc.text import closest


def _short(value: Any) -> Any:
    return {"card": value} if isinstance(value, str) else value


def _known_kind(spec: str) -> str:
    kind = spec.partition(":")[0]
    if kind not in kinds():
        raise ValueError(f"no transport {kind!r}{closest(kind, kinds())}; write the card as for --euicc")
    return spec


class Place(BaseModel):
    """Where a card is.

    Attributes:
        card: as for ``--euicc``.
        host: as after ``ssh=`` or ``socket=`` in ``--tx`` of pytest-xdist; empty for the machine that pytest starts on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Annotated[str, AfterValidator(_known_kind)]
    host: str = ""


class Product(BaseModel):
    """Cards that are the same product, and share the work on it.

    Attributes:
        name: in the names of tests and in reports; without it, that of the declaration's file.
        declaration: a file; a relative path counts from the folder of the pool file.
        cards: where they are. Without it: in any PC/SC reader, the cards with the EIDs that the declaration names under
            ``eid`` or ``test_cards``.
        pki: as ``--euicc-pki``, if it is another one than that of the run.
        isdr_aid: as ``--euicc-isdr-aid``, likewise; in hex.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", pattern=r"^[A-Za-z0-9._-]*$")
    declaration: Path
    cards: list[Annotated[Place, BeforeValidator(_short, json_schema_input_type=str | Place)]] = []
    pki: Path | None = None
    isdr_aid: Annotated[str, AfterValidator(lambda text: parse_hex(text).hex())] = ""

    def on(self, host: str) -> list[str]:
        """Its cards on a host, as for ``--euicc``."""
        return [place.card for place in self.cards if place.host == host]


class Pool(BaseModel):
    """All products of a file, in its order."""

    model_config = ConfigDict(frozen=True)

    file: Path
    products: list[Product]

    @classmethod
    def load(cls, path: Path) -> Pool:
        """Read a pool file.

        Raises:
            FileMistakes: every mistake in it and in the declarations that it names, one line each.
        """
        # Packages of vendors register options of their own, which a declaration may name.
        library.load()
        document = Document.read(path)
        products = [] if document.mistakes else _products(document)
        if not document.mistakes:
            products = [_complete(document, index, product, path.parent) for index, product in enumerate(products)]
            for name, count in Counter(product.name for product in products).items():
                if count > 1:
                    document.mistake((), f"{count} products are called {name!r}; give each a name of its own (name:)")
        if document.mistakes:
            raise FileMistakes(document.mistakes)
        return cls(file=path, products=products)

    def product(self, name: str) -> Product:
        """By its name; the only one by an empty name."""
        return next(product for product in self.products if name in (product.name, ""))

    @property
    def names(self) -> list[str]:
        """Names of products that tests are told apart by: none where there is one product."""
        return [product.name for product in self.products] if len(self.products) > 1 else []

    def cards_on(self, host: str) -> int:
        """How many cards there are on a host."""
        return sum(len(product.on(host)) for product in self.products)


def _products(document: Document) -> list[Product]:
    if not isinstance(document.data, list) or not document.data:
        document.mistake((), "a pool must be a list of products; start each with '- declaration: FILE'")
        return []
    try:
        return TypeAdapter(list[Product]).validate_python(document.data)
    except ValidationError as error:
        for entry in error.errors():
            place = tuple(part for part in entry["loc"] if isinstance(part, str | int))
            known = Place.model_fields if "cards" in place else Product.model_fields
            document.mistake(place, pydantic_message(entry, known), key=entry["type"] == "extra_forbidden")
        return []


def _complete(document: Document, index: int, product: Product, folder: Path) -> Product:
    """A product with its name and its cards; what is wrong with its declaration is added to the mistakes."""
    file = folder / product.declaration
    try:
        declaration = Declaration.load(file)
    except FileMistakes as error:
        document.mistakes += error.mistakes
        return product
    place = (index, "declaration")
    if declaration.iut != "euicc":
        document.mistake(place, f"{file} declares iut: {declaration.iut}; one with iut: euicc is needed here")
    eids = [declaration.eid] if declaration.eid else declaration.test_cards
    cards = product.cards or [Place(card=f"pcsc:eid={eid}") for eid in eids]
    if not cards:
        document.mistake(
            place, f"where are its cards? Write cards: [pcsc:0], or their EIDs under test_cards: in {file}"
        )
    if declaration.eid and len(cards) > 1:
        document.mistake(
            (index, "cards"),
            f"{len(cards)} cards, but {file} declares one by its eid; list their EIDs under test_cards: instead",
        )
    return product.model_copy(
        update={
            "name": product.name or file.stem,
            "declaration": file,
            "cards": cards,
            "pki": None if product.pki is None else folder / product.pki,
        }
    )
