"""Published profile packages, such as GSMA TS.48: which there are, what a test must know of them, sequences over each.

They are no part of this package: the environment variable names a folder of them, or the declaration a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.files.vector import Case, Sequence
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import LARGEST_PACKAGE, PUBLISHED_FOLDER, read_file
from pytest_euicc.rsp.iccid import swapped
from pytest_euicc.rsp.profile_package import CAPABILITY_OF_SERVICE
from pytest_euicc.text import printable

STATE = "published_profile"
EACH = "each"
"""In place of a file: the sequence is one for every published package."""
_IMSI_FILE = "ef-imsi"


class PublishedPackageError(PytestEuiccError, ValueError):
    """A published profile package that cannot be read; the text names the file."""


@dataclass(frozen=True)
class PublishedProfile:
    """What tests need of a package.

    Attributes:
        iccid: 10 octets, nibbles swapped as in EF ICCID.
        imsi: content of EF IMSI of the USIM; empty where the package has none.
        capabilities: bits of UICCCapability that its header makes mandatory.
    """

    octets: bytes
    iccid: bytes
    imsi: bytes
    capabilities: tuple[str, ...]


def files() -> list[Path]:
    """The published packages of the folder, by name; none where no folder is named."""
    folder = os.environ.get(PUBLISHED_FOLDER)
    return sorted(Path(folder).glob("*.der")) if folder else []


def read(path: Path) -> PublishedProfile:
    """Read a package.

    Raises:
        PublishedPackageError: it is not there, or no profile package.
    """
    try:
        octets = read_file(path, LARGEST_PACKAGE)
        elements = [codec.decode("ProfileElement", part.octets) for part in tlv.parse_all(octets)]
        name, header = elements[0]
    except (OSError, codec.Asn1Error, tlv.TlvError, IndexError) as error:
        raise PublishedPackageError(f"the published profile package {path} cannot be read: {error}") from error
    if name != "header":
        raise PublishedPackageError(f"the published profile package {path} does not begin with a header")
    usim: dict[str, Any] = next((value for kind, value in elements if kind == "usim"), {})
    imsi = b"".join(content for kind, content in usim.get(_IMSI_FILE, []) if kind == "fillFileContent")
    services = (CAPABILITY_OF_SERVICE.get(service, service) for service in header["eUICC-Mandatory-services"])
    return PublishedProfile(octets, swapped(header["iccid"]), imsi, tuple(services))


def expand(cases: Iterable[Case]) -> list[Case]:
    """The cases with a sequence for each published package where one asks for each; without packages they stay."""
    packages = files()
    return [case.model_copy(update={"sequences": _expanded(case.sequences, packages)}) for case in cases]


def _expanded(sequences: list[Sequence], packages: list[Path]) -> list[Sequence]:
    found: list[Sequence] = []
    for sequence in sequences:
        wanted = any(call.name == STATE and call.arguments.get("file") == EACH for call in sequence.given)
        found += [_over(sequence, path) for path in packages] if wanted and packages else [sequence]
    return found


def _over(sequence: Sequence, path: Path) -> Sequence:
    given = [
        call.model_copy(update={"arguments": call.arguments | {"file": str(path)}}) if call.name == STATE else call
        for call in sequence.given
    ]
    name = re.sub(r"[^0-9A-Za-z_.-]", "_", path.stem)
    changes = {"id": f"{sequence.id}-{name}", "title": f"{sequence.title} ({printable(path.stem)})", "given": given}
    return sequence.model_copy(update=changes)
