"""Certificates and keys in the folder layout of the GSMA's SGP.26 bundle: reading it, and writing our own PKI in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import read_file
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, Role
from pytest_euicc.rsp.chains import Maker, check_kind, ci_number, deviates_in_eum
from pytest_euicc.rsp.issuing import Identity, issue
from pytest_euicc.rsp.pki import EID, EIN, TestPki
from pytest_euicc.rsp.signatures import CURVES, private_key_from

_LARGEST = 1 << 20
_SUFFIX = {"nist": "NIST", "brainpool": "BRP"}
_SCHEMES = ("ECDSA", "SIG")
"""How file names call the kind of signature: up to version 2 of SGP.26, and from version 3 on."""
_SERVER = {Role.DP_AUTH: "DPauth", Role.DP_PB: "DPpb", Role.DP_TLS: "DPtls"}


class PkiFolderError(PytestEuiccError):
    """A file of the folder is missing or does not fit; the message names the file and how to fix it."""


class _Layout:
    """Where the files of a bundle are: ``CertificateIssuer/ EUM/ eUICC/ DPauth/ DPpb/ DPtls/`` with ``ECDSA`` in the
    names, or ``CI/ EUM/ eUICC/ SM-DP+/SM_DPauth/ SM-DP+/SM_DPpb/ SM-DP+/SM_DPtls/`` with ``SIG``; what is of one and
    what of the other may mix.
    """

    def __init__(self, folder: Path) -> None:
        self.authorities = _first_of([folder / "CertificateIssuer", folder / "CI"])
        self.eum = folder / "EUM"
        self.euicc = folder / "eUICC"
        self._folder = folder

    def server(self, role: Role) -> Path:
        """The folder of a server's certificates."""
        name = _SERVER[role]
        below = self._folder / "SM-DP+"
        return _first_of([self._folder / name, below / f"SM_{name}", below / "SM_DP_TLS", below / name])


def _names(stem: str, curve: str) -> list[str]:
    return [f"{stem}_{scheme}_{_SUFFIX[curve]}" for scheme in _SCHEMES]


def _server_names(role: Role, curve: str, number: int) -> list[str]:
    second = "2" if number == 2 else ""
    suffix = _SUFFIX[curve]
    if role is not Role.DP_TLS:
        stem = f"S_SM_DP{second}{_SERVER[role].removeprefix('DP')}"
        return [*_names(stem, curve), f"{stem}_VARO_SIG_{suffix}"]
    # The bundle names the files of its further TLS servers without a curve, some of the keys with one.
    bare = [f"S_SM_DP{second}_TLS"] if curve == "nist" else []
    return [f"S_SM_DP{second}_TLS_{suffix}", *_names(f"S_SM_DP{second}_TLS", curve), *bare]


class FolderPki:
    """Identities of a folder in one of the layouts of SGP.26 (`_Layout`).

    Files are read when first asked for, so a folder without the keys of one side still serves the other. Where the key
    of the EUM is there, certificates of other eUICCs are issued with it; with that of the CI, other ones of the EUM.
    Further CI certificates beside the one of each curve, of any name, are trusted as well.
    """

    def __init__(self, folder: Path) -> None:
        self._layout = _Layout(folder)
        self._folder = folder
        place = self._layout.authorities
        if not place.is_dir():
            raise PkiFolderError(_no_layout(folder))
        self._issued: dict[tuple[bytes | None, str, str | None], Identity] = {}
        self._cis = {
            curve: _certificate(path, curve)
            for curve in _SUFFIX
            if (path := _first_of([place / f"CERT_{name}.der" for name in _names("CI", curve)])).exists()
        }
        if not self._cis:
            wanted = ", ".join(f"CERT_{name}.der" for curve in _SUFFIX for name in _names("CI", curve))
            raise PkiFolderError(f"{place}: it has none of {wanted}")
        self._further = _further_authorities(place, self._cis.values())

    @property
    def curves(self) -> tuple[str, ...]:
        """Curves there is a CI certificate for."""
        return tuple(self._cis)

    def trust(self) -> list[Certificate]:
        """The CI certificates: that of each curve, then all others."""
        return [*self._cis.values(), *self._further]

    def ci(self, curve: str = "nist") -> Certificate:
        """The CI certificate of a curve; raises PkiFolderError."""
        if curve not in self._cis:
            raise PkiFolderError(f"{self._folder}: no CI certificate for {curve}")
        return self._cis[curve]

    def authority(self, curve: str = "nist", number: int = 1) -> Identity:
        """The CI with its key, as the bundle of test certificates has it; any other number is one of the test PKI."""
        if number != 1:
            return TestPki().authority(curve, number)
        self.ci(curve)
        return _identity(*_pair(self._layout.authorities, _names("CI", curve)), curve)

    def _authority_key(self, curve: str) -> Path:
        return _pair(self._layout.authorities, _names("CI", curve))[1]

    def euicc(self, eid: bytes | None, curve: str = "nist", kind: str | None = None) -> Identity:
        """CERT.EUICC with its key and CERT.EUM; ``eid`` None takes the one that the folder's certificate names.

        For another EID, or of an invalid kind, it is issued with the key of the EUM, and that of the CI where the kind
        is one of CERT.EUM; with the key of the CI alone, under another EUM.

        Raises:
            PkiFolderError: a file that this needs is missing or does not fit, or the EUM may not issue for the EID.
            ValueError: the kind is unknown.
        """
        check_kind(kind)
        held = self._held_euicc(curve)
        if held is not None and kind is None and eid in (None, held.certificate.eid):
            return held
        own = held.certificate.eid if held is not None else None
        key = (eid, curve, kind)
        if key not in self._issued:
            self._issued[key] = self._issue(eid or own or EID, curve, kind)
        return self._issued[key]

    def _held_euicc(self, curve: str) -> Identity | None:
        """The eUICC of the folder; None where its key is missing and the EUM's can make another."""
        certificate, key = _pair(self._layout.euicc, _names("EUICC", curve))
        eum, eum_key = _pair(self._layout.eum, _names("EUM", curve))
        if not key.exists() and eum_key.exists():
            return None
        held = _identity(certificate, key, curve)
        return Identity(held.certificate, held.private_key, (_certificate(eum, curve),))

    def _issue(self, eid: bytes, curve: str, kind: str | None) -> Identity:
        certificate, key_path = _pair(self._layout.eum, _names("EUM", curve))
        if not key_path.exists() and self._authority_key(curve).exists():
            return self._issuing(curve).euicc(eid, curve, kind)
        eum = _identity(certificate, key_path, curve)
        maker = Maker.of(eum.certificate)
        if not maker.permits(eid):
            permitted = " or ".join(maker.eins) or "nothing"
            raise PkiFolderError(f"{certificate}: permits EIDs that begin with {permitted}, not {eid.hex()}")
        if deviates_in_eum(kind):
            eum = issue(maker.eum(kind), eum.private_key, self.authority(curve, ci_number(kind)))
        key = private_key_from(eid, CURVES[curve])
        return issue(maker.euicc(eid, kind), key, eum, chain=(eum.certificate,))

    def server(self, role: Role, curve: str = "nist", number: int = 1) -> Identity:
        """CERT.DPauth, CERT.DPpb or CERT.DP.TLS; number 2 is the second test server of the bundle."""
        return _identity(*_pair(self._layout.server(role), _server_names(role, curve, number)), curve)

    def invalid_server(self, role: Role, kind: str, curve: str = "nist") -> Identity:
        """Issued under the CI, whose key has to be there, for the OID of the bundle's first server."""
        return self._issuing(curve).invalid_server(role, kind, curve)

    def _issuing(self, curve: str) -> TestPki:
        return TestPki(authorities={curve: self.authority(curve)})


def _first_of(paths: list[Path]) -> Path:
    return next((path for path in paths if path.exists()), paths[0])


def _pair(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """Certificate and key, by the first of the names that there is; some bundles name the two differently."""
    return (
        _first_of([folder / f"CERT_{name}.der" for name in names]),
        _first_of([folder / f"SK_{name}.pem" for name in names]),
    )


def _no_layout(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: there is no such folder"
    below = sorted(path.parent.name for pattern in ("*/CI", "*/CertificateIssuer") for path in folder.glob(pattern))
    hint = f"name the folder in it that has one: {', '.join(below)}" if below else "name a folder in a layout of SGP.26"
    return f"{folder}: it has neither a folder CertificateIssuer nor CI; {hint}"


def _further_authorities(folder: Path, known: Iterable[Certificate]) -> list[Certificate]:
    """CI certificates of other names, on any curve of SGP.22."""
    found: list[Certificate] = []
    held = list(known)
    for path in sorted(folder.glob("CERT_*.der")):
        try:
            certificate = Certificate(_read(path))
        except CertificateFault as fault:
            raise PkiFolderError(f"{path}: {fault}; a CI certificate in DER is expected, or no file") from None
        if certificate not in held and certificate.subject_key_id is not None:
            held.append(certificate)
            found.append(certificate)
    return found


def _identity(certificate_path: Path, key_path: Path, curve: str) -> Identity:
    certificate, key = _certificate(certificate_path, curve), _key(key_path)
    if key.public_key().public_numbers() != certificate.public_key.public_numbers():
        raise PkiFolderError(f"{key_path}: not the key of {certificate_path.name}; take both from one bundle")
    return Identity(certificate, key)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, _LARGEST)
    except OSError as error:
        raise PkiFolderError(f"{path}: {error.strerror}; what was asked for needs this file") from None


def _certificate(path: Path, curve: str) -> Certificate:
    try:
        certificate = Certificate(_read(path))
    except CertificateFault as fault:
        raise PkiFolderError(f"{path}: {fault}; DER is expected") from None
    wanted = CURVES[curve].name
    if certificate.curve != wanted:
        raise PkiFolderError(f"{path}: its key is on {certificate.curve}, a file of this name has {wanted}")
    return certificate


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise PkiFolderError(f"{path}: not a private key in PEM ({error})") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiFolderError(f"{path}: not an EC key")
    return key


_MODES = {".der": 0o666, ".pem": 0o600}


def write_folder(pki: TestPki, folder: Path, eid: bytes) -> None:
    """Write a test PKI in the layout, for tools of other makers; keys are for their owner alone.

    Raises:
        PkiFolderError: one of the files is there already; nothing was written.
        OSError: a file cannot be written.
    """
    files: dict[Path, bytes] = {}
    ein = eid.hex()[: len(EIN)]
    for curve, suffix in _SUFFIX.items():
        issued = {
            f"CertificateIssuer/{{}}_CI_ECDSA_{suffix}": pki.authority(curve),
            # An EID begins with the number of the EUM that issues for it (SGP.22 4.5.2.1).
            f"EUM/{{}}_EUM_ECDSA_{suffix}": pki.eum(curve, ein=ein),
            f"eUICC/{{}}_EUICC_ECDSA_{suffix}": pki.euicc(eid, curve),
        }
        for role, directory in _SERVER.items():
            for number in (1, 2):
                issued[f"{directory}/{{}}_{_server_names(role, curve, number)[0]}"] = pki.server(role, curve, number)
        for name, identity in issued.items():
            key = identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
            files[folder / f"{name.format('CERT')}.der"] = identity.certificate.der
            files[folder / f"{name.format('SK')}.pem"] = key
    there = next((path for path in files if path.exists()), None)
    if there is not None:
        raise PkiFolderError(f"{there}: already exists, and is not overwritten; name another folder")
    for path, octets in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODES[path.suffix]), "wb") as file:
            file.write(octets)
