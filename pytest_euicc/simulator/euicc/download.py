"""ES10b on the eUICC: the sessions of a download (SGP.22 5.7.5, 5.7.13, 5.7.14)."""

from __future__ import annotations

from pytest_euicc.asn1 import codec
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.simulator.euicc import authentication, preparation, revocation
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
    verifier = _verifier(core, Role.DP_AUTH)
    answer, core.session = authentication.authenticate_server(core.session, request, verifier, lambda: info2(core))
    core.locked = core.session.server is None and core.defective("no-session-after-an-error")
    return answer


def prepare_download(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.5; the one-time key is kept from now on, as a retry may come without any load (3.1.3)."""
    codec.decode("PrepareDownloadRequest", request)
    keys = KeyStore(core.state.kept_keys, core.new_key)
    verifier = _verifier(core, Role.DP_PB)
    answer, core.session = preparation.prepare_download(core.session, request, verifier, keys)
    if core.session.download is not None:
        core.keep_key(core.session.download.one_time_key)
    return answer


def cancel_session(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.14."""
    if core.session.server is None and core.defective("cancel-without-session-is-refused"):
        raise NotAllowed
    answer, core.session = authentication.cancel_session(core.session, request, _verifier(core, Role.DP_AUTH))
    return answer


def _verifier(core: EuiccCore, role: Role) -> Verifier:
    """How certificates of a role are checked."""

    def revoked(certificate: Certificate) -> bool:
        return not core.defective(f"ignores-revoked-{role.value}") and revocation.is_revoked(core, certificate)

    return Verifier(core.credentials, core.time, revoked, core.defective)


HANDLERS = {
    0xBF38: authenticate_server,
    0xBF21: prepare_download,
    0xBF41: cancel_session,
    0xBF35: revocation.load_crl,
}
