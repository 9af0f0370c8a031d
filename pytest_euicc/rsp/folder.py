"""Certificates and keys in the folder layout of the GSMA's SGP.26 bundle: reading it, and writing our own PKI in it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pytest_euicc.rsp.certificates import Certificate, CertificateFault, Role
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.rsp.pki import TestPki
from pytest_euicc.rsp.signatures import CURVES

_SUFFIX = {"nist": "NIST", "brainpool": "BRP"}
_SERVER = {
    Role.DP_AUTH: ("DPauth", "DPauth_ECDSA"),
    Role.DP_PB: ("DPpb", "DPpb_ECDSA"),
    Role.DP_TLS: ("DPtls", "DP_TLS"),
}


class PkiFolderError(Exception):
    """A file of the folder is missing or does not fit; the message names the file and the mend."""


def load_folder(folder: Path) -> FolderPki:
    """The identities of a folder; raises PkiFolderError."""
    return FolderPki(folder)


class FolderPki:
    """Identities of an SGP.26 folder: ``CertificateIssuer/ EUM/ eUICC/ DPauth/ DPpb/ DPtls/``.

    Files are read when first asked for, so a folder without the keys of one side still serves the other.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "CertificateIssuer").is_dir():
            raise PkiFolderError(
                f"{folder}: no folder CertificateIssuer in it; name the folder that holds the SGP.26 layout"
            )
        self._folder = folder
        self._cis = {
            curve: _certificate(path, curve)
            for curve, suffix in _SUFFIX.items()
            if (path := folder / "CertificateIssuer" / f"CERT_CI_ECDSA_{suffix}.der").exists()
        }
        if not self._cis:
            raise PkiFolderError(f"{folder / 'CertificateIssuer'}: no CERT_CI_ECDSA_NIST.der or CERT_CI_ECDSA_BRP.der")

    @property
    def curves(self) -> tuple[str, ...]:
        """Curves there is a CI certificate for."""
        return tuple(self._cis)

    def trust(self) -> list[Certificate]:
        """The CI certificates."""
        return list(self._cis.values())

    def ci(self, curve: str = "nist") -> Certificate:
        """The CI certificate of a curve; raises PkiFolderError."""
        if curve not in self._cis:
            raise PkiFolderError(f"{self._folder}: no CI certificate for {curve}")
        return self._cis[curve]

    def authority(self, curve: str = "nist", number: int = 1) -> Identity:
        """The CI with its key, as the bundle of test certificates has it; number 2 is a CI that no eUICC knows."""
        if number == 2:
            return TestPki().authority(curve, number)
        name = f"CI_ECDSA_{_SUFFIX[curve]}"
        base = self._folder / "CertificateIssuer"
        return _identity(base / f"CERT_{name}.der", base / f"SK_{name}.pem", curve)

    def euicc(self, eid: bytes | None, curve: str = "nist", kind: str | None = None) -> Identity:
        """CERT.EUICC with its key and CERT.EUM; ``eid`` None takes the one the certificate names.

        An invalid kind is issued under the CI, whose key has to be there.
        """
        if kind is not None:
            return self._issuing(curve).euicc(eid or self.euicc(None, curve).certificate.eid, curve, kind)
        suffix = _SUFFIX[curve]
        path = self._folder / "eUICC" / f"CERT_EUICC_ECDSA_{suffix}.der"
        identity = _identity(path, self._folder / "eUICC" / f"SK_EUICC_ECDSA_{suffix}.pem", curve)
        if eid is not None and identity.certificate.eid != eid:
            raise PkiFolderError(f"{path}: is for EID {identity.certificate.serial_number}, wanted {eid.hex()}")
        eum = _certificate(self._folder / "EUM" / f"CERT_EUM_ECDSA_{suffix}.der", curve)
        return Identity(identity.certificate, identity.private_key, (eum,))

    def server(self, role: Role, curve: str = "nist", number: int = 1) -> Identity:
        """CERT.DPauth, CERT.DPpb or CERT.DP.TLS; number 2 is the second test server of the bundle."""
        directory, stem = _SERVER[role]
        stem = stem.replace("DP", "DP2", 1) if number == 2 else stem
        base = self._folder / directory
        names = [f"S_SM_{stem}_{_SUFFIX[curve]}"]
        if role is Role.DP_TLS and curve == "nist":
            # The bundle names the files of its further TLS servers without a curve, some of the keys with one.
            names.append(f"S_SM_{stem}")
        certificate = _first_of([base / f"CERT_{name}.der" for name in names])
        return _identity(certificate, _first_of([base / f"SK_{name}.pem" for name in names]), curve)

    def invalid_server(self, role: Role, kind: str, curve: str = "nist") -> Identity:
        """Issued under the CI, whose key has to be there, for the OID of the bundle's first server."""
        return self._issuing(curve).invalid_server(role, kind, curve)

    def _issuing(self, curve: str) -> TestPki:
        return TestPki(authorities={curve: self.authority(curve)})


def _first_of(paths: list[Path]) -> Path:
    return next((path for path in paths if path.exists()), paths[0])


def _identity(certificate_path: Path, key_path: Path, curve: str) -> Identity:
    certificate, key = _certificate(certificate_path, curve), _key(key_path)
    if key.public_key().public_numbers() != certificate.public_key.public_numbers():
        raise PkiFolderError(f"{key_path}: not the key of {certificate_path.name}; take both from one bundle")
    return Identity(certificate, key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PkiFolderError(f"{path}: {error.strerror}; what was asked for needs this file") from None


def _certificate(path: Path, curve: str) -> Certificate:
    try:
        certificate = Certificate(_read(path))
    except CertificateFault as fault:
        raise PkiFolderError(f"{path}: {fault}; DER is wanted") from None
    wanted = CURVES[curve].name
    if certificate.curve != wanted:
        raise PkiFolderError(f"{path}: its key is on {certificate.curve}, a file of this name has {wanted}")
    return certificate


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise PkiFolderError(f"{path}: no private key in PEM ({error})") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiFolderError(f"{path}: not an EC key")
    return key


def write_folder(pki: TestPki, folder: Path, eid: bytes) -> None:
    """Write a test PKI in the layout, for tools of other makers."""
    for curve, suffix in _SUFFIX.items():
        eum = pki.eum(curve)
        _write(folder / "CertificateIssuer", f"CI_ECDSA_{suffix}", pki.authority(curve))
        _write(folder / "EUM", f"EUM_ECDSA_{suffix}", eum)
        _write(folder / "eUICC", f"EUICC_ECDSA_{suffix}", pki.euicc(eid, curve))
        for role, (directory, stem) in _SERVER.items():
            for number in (1, 2):
                name = stem.replace("DP", "DP2", 1) if number == 2 else stem
                _write(folder / directory, f"S_SM_{name}_{suffix}", pki.server(role, curve, number))


def _write(folder: Path, name: str, identity: Identity) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"CERT_{name}.der").write_bytes(identity.certificate.der)
    key = identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / f"SK_{name}.pem").write_bytes(key)
