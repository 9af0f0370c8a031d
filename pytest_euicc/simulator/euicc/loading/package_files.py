"""The file system that a profile package describes: templates, file descriptors and generic file management.

Identifiers of template files are those of TCA IFS annex A (ETSI TS 102 221, 3GPP TS 31.102); a file the table does not
know needs its identifier in its own file descriptor, else it is accounted for in memory but not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Path = tuple[bytes, ...]
"""From the MF down: two-octet file identifiers, an ADF by its AID."""

TRANSPARENT, LINEAR_FIXED, CYCLIC, DIRECTORY = 1, 2, 6, 0

_LARGEST_FILE = 0xFFFF
_GIVEN = -1
"""A record length that the template leaves to the file descriptor of the package."""
_WITH_RECORDS = 4
"""Octets of a file descriptor that has a record length."""

_TEMPLATE_FILES: dict[str, dict[str, tuple[int, int]]] = {
    # element: file name -> (file identifier, record length, 0 for a transparent file or _GIVEN)
    "mf": {
        "ef-pl": (0x2F05, 0),
        "ef-iccid": (0x2FE2, 0),
        "ef-dir": (0x2F00, _GIVEN),
        "ef-arr": (0x2F06, _GIVEN),
        "ef-umpc": (0x2F08, 0),
    },
    "telecom": {"df-telecom": (0x7F10, 0), "ef-arr": (0x6F06, _GIVEN)},
    "usim": {
        "ef-imsi": (0x6F07, 0),
        "ef-arr": (0x6F06, _GIVEN),
        "ef-keys": (0x6F08, 0),
        "ef-keysPS": (0x6F09, 0),
        "ef-hpplmn": (0x6F31, 0),
        "ef-ust": (0x6F38, 0),
        "ef-fdn": (0x6F3B, 0x1A),
        "ef-sms": (0x6F3C, 0xB0),
        "ef-smsp": (0x6F42, 0x26),
        "ef-smss": (0x6F43, 0),
        "ef-spn": (0x6F46, 0),
        "ef-est": (0x6F56, 0),
        "ef-start-hfn": (0x6F5B, 0),
        "ef-threshold": (0x6F5C, 0),
        "ef-psloci": (0x6F73, 0),
        "ef-acc": (0x6F78, 0),
        "ef-fplmn": (0x6F7B, 0),
        "ef-loci": (0x6F7E, 0),
        "ef-ad": (0x6FAD, 0),
        "ef-ecc": (0x6FB7, 0x04),
        "ef-netpar": (0x6FC4, 0),
        "ef-epsloci": (0x6FE3, 0),
        "ef-epsnsc": (0x6FE4, 0x50),
    },
    "opt-usim": {
        "ef-li": (0x6F05, 0),
        "ef-gid1": (0x6F3E, 0),
        "ef-gid2": (0x6F3F, 0),
        "ef-msisdn": (0x6F40, 0x18),
        "ef-plmnwact": (0x6F60, 0),
        "ef-oplmnwact": (0x6F61, 0),
        "ef-hplmnwact": (0x6F62, 0),
        "ef-pnn": (0x6FC5, 0x10),
        "ef-opl": (0x6FC6, 0x08),
        "ef-ehplmn": (0x6FD9, 0),
    },
    "isim": {
        "ef-impi": (0x6F02, 0),
        "ef-domain": (0x6F03, 0),
        "ef-impu": (0x6F04, 0x30),
        "ef-ist": (0x6F07, 0),
        "ef-ad": (0x6FAD, 0),
        "ef-arr": (0x6F06, _GIVEN),
    },
}


@dataclass(frozen=True)
class PackageFile:
    """One elementary file: content, structure (low three bits of the file descriptor byte) and record length."""

    content: bytes
    structure: int = TRANSPARENT
    record_length: int = 0


@dataclass
class FileTree:
    """Files as they come to be while a package is read.

    Attributes:
        files: elementary files by path.
        directory: path of the DF or ADF that the next relative file goes into.
        temporary: AIDs by the temporary identifier an ADF is given for the time of creation (TCA IFS 8.3.3).
    """

    files: dict[Path, PackageFile] = field(default_factory=dict)
    directories: dict[Path, bytes] = field(default_factory=dict)
    directory: Path = ()
    temporary: dict[bytes, bytes] = field(default_factory=dict)

    def resolve(self, identifiers: bytes) -> Path:
        """A path of two-octet identifiers as the package writes it, temporary ones replaced by the AIDs."""
        parts = [identifiers[at : at + 2] for at in range(0, len(identifiers), 2)]
        return tuple(self.temporary.get(part, part) for part in parts)


def read_template(tree: FileTree, element: str, value: dict[str, Any]) -> None:
    """Create the files of a template element; raises ValueError for values that cannot be."""
    known = _TEMPLATE_FILES.get(element, {})
    for name, actions in value.items():
        if name == "templateID" or name.endswith("-header"):
            continue
        if any(kind == "doNotCreate" for kind, _ in actions):
            continue
        descriptor: dict[str, Any] = next((content for kind, content in actions if kind == "fileDescriptor"), {})
        if name.startswith("adf-"):
            _enter_adf(tree, name, descriptor)
        elif name == "mf":
            tree.directory = ()
        elif name.startswith("df-"):
            _enter_df(tree, descriptor, known.get(name))
        else:
            identifier, record_length = known.get(name, (None, 0))
            fid = descriptor.get("fileID") or (identifier.to_bytes(2, "big") if identifier is not None else None)
            _check_records(name, descriptor, record_length)
            content = _Content(descriptor, max(0, record_length))
            for kind, filling in actions:
                content.take(kind, filling)
            if fid is not None:
                tree.files[(*tree.directory, fid)] = content.file()


def _check_records(name: str, descriptor: dict[str, Any], record_length: int) -> None:
    lacks = len(descriptor.get("fileDescriptor", b"")) < _WITH_RECORDS and "linkPath" not in descriptor
    if record_length == _GIVEN and lacks:
        raise ValueError(f"{name}: no record length in its file descriptor, and the template has none")


def read_file_management(tree: FileTree, value: dict[str, Any]) -> None:
    """Create and fill the files of a PE-GenericFileManagement (TCA IFS 8.3.5)."""
    for commands in value["fileManagementCMD"]:
        path: Path | None = None
        content: _Content | None = None
        for kind, argument in commands:
            if kind == "filePath":
                tree.directory = tree.resolve(argument)
            elif kind == "createFCP":
                _store(tree, path, content)
                path, content = _created(tree, argument)
            elif content is not None:
                content.take(kind, argument)
        _store(tree, path, content)


def unfilled(value: dict[str, Any]) -> int:
    """Octets of the files of a PE-GenericFileManagement beyond the content that is in it."""
    left = 0
    for commands in value["fileManagementCMD"]:
        size = 0
        for kind, argument in commands:
            if kind == "createFCP":
                left += size
                size = int.from_bytes(argument.get("efFileSize", b""), "big")
            elif kind == "fillFileContent":
                size = max(0, size - len(argument))
        left += size
    return left


def _created(tree: FileTree, descriptor: dict[str, Any]) -> tuple[Path | None, _Content | None]:
    fid = descriptor.get("fileID")
    if fid is None:
        raise ValueError("createFCP without fileID")
    if descriptor.get("linkPath"):
        linked = tree.files.get(tree.resolve(descriptor["linkPath"]))
        if linked is not None:
            tree.files[(*tree.directory, fid)] = linked
        return None, None
    if _structure(descriptor) == DIRECTORY:
        if "dfName" in descriptor:
            tree.temporary[fid] = descriptor["dfName"]
            tree.directory = (descriptor["dfName"],)
        else:
            tree.directory = (*tree.directory, fid)
        tree.directories[tree.directory] = fid
        return None, None
    return (*tree.directory, fid), _Content(descriptor, 0)


def _store(tree: FileTree, path: Path | None, content: _Content | None) -> None:
    if path is not None and content is not None:
        tree.files[path] = content.file()


def _enter_adf(tree: FileTree, name: str, descriptor: dict[str, Any]) -> None:
    aid = descriptor.get("dfName")
    if aid is None:
        raise ValueError(f"{name} without dfName")
    if "fileID" in descriptor:
        tree.temporary[descriptor["fileID"]] = aid
    tree.directory = (aid,)
    tree.directories[tree.directory] = descriptor.get("fileID", b"")


def _enter_df(tree: FileTree, descriptor: dict[str, Any], template: tuple[int, int] | None) -> None:
    fid = descriptor.get("fileID") or (template[0].to_bytes(2, "big") if template else b"")
    if len(tree.directory) and len(tree.directory[0]) > 2:
        tree.directory = (tree.directory[0], fid)
    else:
        tree.directory = (fid,)
    tree.directories[tree.directory] = fid


def _structure(descriptor: dict[str, Any]) -> int:
    octets = descriptor.get("fileDescriptor", b"")
    if not octets:
        return TRANSPARENT
    # ETSI TS 102 221 11.1.1.4.3: bits 4 to 6 all set mean DF or ADF.
    return DIRECTORY if octets[0] & 0x38 == 0x38 else octets[0] & 0x07


class _Content:
    """The octets of a file while they are being filled in."""

    def __init__(self, descriptor: dict[str, Any], record_length: int) -> None:
        octets = descriptor.get("fileDescriptor", b"")
        self._structure = _structure(descriptor) if octets else (LINEAR_FIXED if record_length else TRANSPARENT)
        given = len(octets) == _WITH_RECORDS
        self._record_length = int.from_bytes(octets[2:], "big") if given else record_length
        self._size = int.from_bytes(descriptor.get("efFileSize", b""), "big")
        if self._size > _LARGEST_FILE:
            raise ValueError(f"efFileSize {self._size} is more than a file can have")
        self._octets = bytearray(b"\xff" * self._size)
        self._at = 0

    def take(self, kind: str, argument: Any) -> None:
        if kind == "fillFileOffset":
            self._at += argument
        elif kind == "fillFileContent":
            end = self._at + len(argument)
            if end > _LARGEST_FILE or (self._size and end > self._size):
                raise ValueError(f"file content up to {end} in a file of {self._size or _LARGEST_FILE} octets")
            self._octets.extend(b"\xff" * (end - len(self._octets)))
            self._octets[self._at : end] = argument
            self._at = end

    def file(self) -> PackageFile:
        return PackageFile(bytes(self._octets), self._structure, self._record_length)
