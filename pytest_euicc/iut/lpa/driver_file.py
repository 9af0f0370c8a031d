"""The file that says how an LPA is driven by commands: arguments, prompts, and where its results are (YAML)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pytest_euicc.document import Document, FileMistakes, pydantic_message
from pytest_euicc.peers.lpa.bench import Operation


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Listed(_Model):
    """Values of a list of objects: where the list is, and the member of each value.

    A null is a list without entries, and an object that stands there by itself a list of one.
    """

    at: str
    each: dict[str, str]


class Command(_Model):
    """How one operation is done.

    Attributes:
        command: arguments of the program, with ``{code}``, ``{iccid}``, ``{aid}``, ``{text}``, ``{name}`` and so on in
            place of what the vector gives; ``{profile}`` is whichever of the profile's names is given.
        ask: in place of a command, what a person is told to do, with the same places.
        options: arguments that are added for each value that is given (of ``refresh``, 1 or 0).
        confirmation_code: arguments for the code of a user who is asked for one, given beforehand.
        values: of the answer, by the names that vectors expect, with dotted paths into the result.
        code: dotted path of the code in this operation's result, in place of that of ``results``.
        success: values of the code that are success, in place of those of ``results``.
    """

    command: list[str] = []
    ask: str = ""
    options: dict[str, list[str]] = {}
    confirmation_code: list[str] = []
    values: dict[str, str | Listed] = {}
    code: str = ""
    success: list[int | str] | None = None


class Prompt(_Model):
    """Something that the program asks.

    Attributes:
        when: text that a line of its output contains.
        about: ``consent`` of the user.
        answers: what is written for ``yes``, ``no``, ``not now`` and ``nothing``, without a line end.
    """

    when: str
    about: Literal["consent"] = "consent"
    answers: dict[Literal["yes", "no", "not now", "nothing"], str]


class Results(_Model):
    """How the program reports its result.

    Attributes:
        line: text that a line with the result contains; the last such line counts.
        last_object: the result is the last JSON object in the output, which may have several lines. With neither, the
            exit status counts.
        code: dotted path of a code in the result, which is JSON.
        success: values of the code that are success; with none of them, any value that is there.
        text: dotted paths of text for people.
    """

    line: str = ""
    last_object: bool = False
    code: str = ""
    success: list[int | str] = [0]
    text: list[str] = []


class DriverFile(_Model):
    """A driver.

    Attributes:
        name: of the product, for reports.
        by: a ``program`` does what the user asks for, or a ``person`` at the bench (``--euicc-operator``).
        program: what is run, found on the path of programs; `pytest --lpa` can be given another by the environment
            variable of ``program_from``.
        card: how it reaches the card: by ``streams``, passing APDUs on over its standard streams as lpac does, or by
            ``pcsc``, in a reader of a pcscd that is started for it.
        servers: how it reaches servers: by ``streams``, passing HTTP requests on likewise, or by ``https``, through the
            bench's proxy or at its address.
        environment: variables that are set for it; their values, and all arguments, may have ``{reader}`` and
            ``{reader_index}`` for the reader, ``{proxy}`` for the URL of the proxy, ``{ca_file}`` for the CI
            certificates in PEM, and ``{host}`` and ``{port}`` for where all servers are.
        log: what it writes for its makers: ``standard error``, or a path with ``{folder}``; left out where nobody can
            read it. ``{folder}``, in the environment and in arguments too, is an empty folder for each sequence, in
            which an LPA may have its home and its temporary files.
        isdr_aid: variables that are set as well where the card has its ISD-R under another AID than that of SGP.22,
            with ``{isdr_aid}`` for it in hex; without them a sequence with such a card is not applicable.
        http_timeout: seconds that it waits for an HTTP answer that it passes on.
        abort: how the user aborts what runs: by an ``interrupt`` (SIGINT, as of Ctrl-C); left out where that ends the
            program at once or does nothing.
        operations: what it can do.
        cannot: why it cannot do what is not among them, by operation.
    """

    name: str
    by: Literal["program", "person"] = "program"
    program: str = ""
    program_from: str = ""
    card: Literal["streams", "pcsc"] = "streams"
    servers: Literal["streams", "https"] = "streams"
    environment: dict[str, str] = {}
    log: str = ""
    isdr_aid: dict[str, str] = {}
    http_timeout: float = Field(default=30.0, gt=0)
    abort: Literal["", "interrupt"] = ""
    results: Results = Results()
    prompts: list[Prompt] = []
    operations: dict[Operation, Command]
    cannot: dict[Operation, str] = {}

    @property
    def proxied(self) -> bool:
        """Whether the LPA is led to the servers by the proxy of the bench."""
        return self._names("{proxy}")

    @property
    def writes_to_folder(self) -> bool:
        """Whether the LPA has its files in the folder of the sequence."""
        return self._names("{folder}")

    def _names(self, place: str) -> bool:
        words = [word for each in self.operations.values() for word in (*each.command, each.ask)]
        return any(place in word for word in (*self.environment.values(), *words, self.log))

    @field_validator("operations")
    @classmethod
    def _some(cls, value: dict[Operation, Command]) -> dict[Operation, Command]:
        if not value:
            raise ValueError("an LPA that can do nothing cannot be tested; give operations")
        return value

    @model_validator(mode="after")
    def _doable(self) -> DriverFile:
        if self.by == "program" and not self.program:
            raise ValueError("program is missing")
        for name, operation in self.operations.items():
            if self.by == "program" and not operation.command:
                raise ValueError(f"operations.{name}: command is missing")
            if self.by == "person" and not operation.ask:
                raise ValueError(f"operations.{name}: ask is missing")
        return self

    @classmethod
    def load(cls, path: Path) -> DriverFile:
        """Read a driver file; raises FileMistakes with every mistake in it."""
        document = Document.read(path)
        data: Any = document.data
        if not document.mistakes and not isinstance(data, dict):
            document.mistake((), "a driver file must be a mapping (key: value)")
        try:
            made = None if document.mistakes else cls.model_validate(data)
        except ValidationError as error:
            for entry in error.errors():
                place = tuple(part for part in entry["loc"] if isinstance(part, str | int))
                document.mistake(place, pydantic_message(entry), key=entry["type"] == "extra_forbidden")
            made = None
        if made is None:
            raise FileMistakes(document.mistakes)
        return made
