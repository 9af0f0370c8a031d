"""ES10b on the eUICC, the part of a download: sessions and revocation (SGP.22 5.7.5, 5.7.12 to 5.7.14)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pytest_euicc.asn1 import codec
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.simulator.euicc import authentication, preparation
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.es10b import info2
from pytest_euicc.simulator.euicc.loading import NotAllowed
from pytest_euicc.simulator.euicc.preparation import KeyStore
from pytest_euicc.simulator.euicc.session import Verifier


def authenticate_server(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.13."""
    codec.decode("AuthenticateServerRequest", request)
    if core.locked:
        raise NotAllowed
    verifier = _verifier(core)
    answer, core.session = authentication.authenticate_server(core.session, request, verifier, lambda: info2(core))
    core.locked = core.session.server is None and core.defective("no-session-after-an-error")
    return answer


def prepare_download(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.5; the one-time key is kept from now on, as a retry may come without any load (3.1.3)."""
    codec.decode("PrepareDownloadRequest", request)
    keys = KeyStore(core.state.kept_keys, core.new_key)
    answer, core.session = preparation.prepare_download(core.session, request, _verifier(core), keys)
    if core.session.download is not None:
        core.keep_key(core.session.download.one_time_key)
    return answer


def cancel_session(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.14."""
    if core.session.server is None and core.defective("cancel-without-session-is-refused"):
        raise NotAllowed
    answer, core.session = authentication.cancel_session(core.session, request, _verifier(core))
    return answer


def _verifier(core: EuiccCore) -> Verifier:
    return Verifier(core.credentials, core.time, lambda certificate: _is_revoked(core, certificate), core.defective)


def load_crl(core: EuiccCore, request: bytes) -> bytes:
    """Load a certificate revocation list (SGP.22 5.7.12)."""
    octets = codec.decode("LoadCRLRequest", request)["crl"]
    error = _take_crl(core, octets)
    value: tuple[str, Any] = ("loadCRLResponseError", error) if error else ("loadCRLResponseOk", {})
    return codec.encode("LoadCRLResponse", value)


def _take_crl(core: EuiccCore, octets: bytes) -> str:
    try:
        crl = x509.load_der_x509_crl(octets)
        issuer = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        serials = [entry.serial_number for entry in crl]
    except Exception:
        return "invalidCRLFormat"
    ci = core.credentials.trust.get(issuer or b"")
    if ci is None or issuer is None:
        return "verificationKeyNotFound"
    try:
        if not crl.is_signature_valid(ci.public_key):
            return "invalidSignature"
    except (InvalidSignature, TypeError, ValueError):
        return "invalidSignature"
    loaded = dict(core.state.crl_numbers)
    if number < loaded.get(issuer, -1):
        return "fresherCrlAlreadyLoaded"
    revoked = {entry for entry in core.state.revoked if entry[0] != issuer} | {(issuer, serial) for serial in serials}
    loaded[issuer] = number
    core.state = replace(core.state, crl_numbers=tuple(loaded.items()), revoked=frozenset(revoked))
    return ""


def _is_revoked(core: EuiccCore, certificate: Certificate) -> bool:
    return (certificate.authority_key_id or b"", certificate.x509.serial_number) in core.state.revoked


HANDLERS = {
    0xBF38: authenticate_server,
    0xBF21: prepare_download,
    0xBF41: cancel_session,
    0xBF35: load_crl,
}
