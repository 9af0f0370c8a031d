"""The ES9+ client against servers that misbehave: one clear message each; TLS under control (SGP.22 2.6.6, 6.5)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_euicc.es9 import errors, groups
from pytest_euicc.es9.client import Es9Client, Es9Reply
from pytest_euicc.es9.inspection import handshake
from pytest_euicc.es9.tls import TlsSettings, client_context, load_identity
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import Ports, ServerError, SmdpServer
from pytest_euicc.simulator.smdp.http.tls import server_context
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.rough_server import SUCCESS, TLS, good_context, http, named, request_of, says, speaking
from tests.support.smdp_peer import HOST

pytest_plugins = ["tests.support.smdp_fixtures"]


def asked(port: int, settings: TlsSettings = TLS, host: str = HOST) -> Es9Reply:
    with Es9Client(f"https://{host}:{port}", settings) as client:
        return client.call("cancelSession", {})


@pytest.mark.parametrize(
    ("octets", "error", "said"),
    [
        (
            http("200 OK", b"<html>Welcome</html>", "Content-Type: text/html"),
            errors.NotJson,
            "text/html.*<html>Welcome",
        ),
        (http("200 OK", b"[1]"), errors.NotJson, "not a JSON object"),
        (http("500 Oops", b"<h1>Internal</h1>"), errors.UnexpectedHttpStatus, "HTTP 500, expected 200.*Internal"),
        (http("404 Gone", b""), errors.UnexpectedHttpStatus, "HTTP 404.*no body"),
        (http("302 Found", b"", "Location: https://elsewhere.example.com/"), errors.Redirected, "elsewhere"),
        (http("200 OK", SUCCESS[:20], length=len(SUCCESS)), errors.ConnectionBroken, "truncated after 20 octets"),
        (b"", errors.ConnectionBroken, "ended before the answer"),
        (b"SSH-2.0-OpenSSH\r\n", errors.ConnectionBroken, "ended before the answer"),
        (http("200 OK", b" " * 5000), errors.AnswerTooLarge, "larger than 4000 octets"),
    ],
)
def test_answers_that_are_none(octets: bytes, error: type[errors.Es9Error], said: str) -> None:
    with speaking(says(octets), good_context()) as port, pytest.raises(error, match=said) as caught:
        asked(port, replace(TLS, largest_answer=4000))
    text = str(caught.value)
    assert text.startswith(f"https://{HOST}:{port}/gsma/rsp2/es9plus/cancelSession: ")
    assert "\n" not in text


def test_a_failed_function_is_an_answer() -> None:
    body = b'{"header":{"functionExecutionStatus":{"status":"Failed","statusCodeData":'
    body += b'{"subjectCode":"8.1","reasonCode":"6.1","message":"no"}}},"transactionId":"00"}'
    with speaking(says(http("200 OK", body, "X-Odd: 1")), good_context()) as port:
        reply = asked(port)
    assert (reply.failed, reply.status_code, reply.message) == (True, "8.1/6.1", "no")
    assert reply.octets == body
    assert reply.headers["x-odd"] == "1"
    with pytest.raises(ValueError, match="no serverSigned1"):
        reply.octets_of("serverSigned1")


@pytest.mark.parametrize("body", [b"{}", b'{"header":7}', b'{"header":{"functionExecutionStatus":[]}}'])
def test_an_answer_without_a_status_has_failed(body: bytes) -> None:
    with speaking(says(http("200 OK", body)), good_context()) as port:
        reply = asked(port)
    assert (reply.failed, reply.status_code) == (True, "")


def test_a_slow_server() -> None:
    done = threading.Event()

    def answer(connection: socket.socket) -> None:
        request_of(connection)
        done.wait(10)

    with speaking(answer, good_context()) as port:
        with pytest.raises(errors.ServerTimeout, match=r"no answer within 0\.3 s"):
            asked(port, replace(TLS, timeout=0.3))
        done.set()


def test_plain_http() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(http("400 Bad Request", b"plain"))

    with speaking(answer, None) as port, pytest.raises(errors.NotTls, match="plain HTTP"):
        asked(port)


def test_nothing_listens() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(errors.ServerUnreachable, match=f"nothing listens at 127.0.0.1:{port}"):
        asked(port)
    with pytest.raises(errors.ServerUnreachable):
        handshake(f"https://{HOST}:{port}", TLS)


def test_a_name_without_address() -> None:
    with pytest.raises(errors.ServerUnreachable, match=r"smdp\.invalid has no address"):
        asked(443, host="smdp.invalid")


@pytest.mark.parametrize("url", ["http://localhost", "ftp://localhost", "https://", ""])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="expected https"):
        Es9Client(url, TLS)


@pytest.mark.parametrize(
    ("identity", "error", "said"),
    [
        (
            lambda: default_pki().invalid_server(Role.DP_TLS, "expired"),
            errors.CertificateExpired,
            "not valid now.*expired",
        ),
        (
            lambda: default_pki().invalid_server(Role.DP_TLS, "not-yet-valid"),
            errors.CertificateExpired,
            "not yet valid",
        ),
        (lambda: default_pki().invalid_server(Role.DP_TLS, "unknown-ci"), errors.UnknownIssuer, "trusted CI"),
        (lambda: default_pki().invalid_server(Role.DP_TLS, "bad-signature"), errors.ServerCertificateError, "refused"),
        (
            lambda: default_pki().invalid_server(Role.DP_TLS, "wrong-extended-key-usage"),
            errors.ServerCertificateError,
            "purpose",
        ),
        (lambda: named("other.example.com"), errors.NameMismatch, f"not for {HOST}"),
    ],
)
def test_certificates_that_must_be_refused(
    identity: Callable[[], Identity], error: type[errors.Es9Error], said: str
) -> None:
    shown = identity()
    context = server_context(shown, "nist")
    with speaking(says(http("200 OK", SUCCESS)), context) as port:
        with pytest.raises(error, match=said):
            asked(port)
        # What was refused can still be looked at.
        assert handshake(f"https://{HOST}:{port}", TLS).chain[0] == shown.certificate
        assert not asked(port, replace(TLS, verify=False)).failed


def test_curves_and_versions(server: SmdpServer) -> None:
    nist = handshake(server.url("nist", HOST), TLS, verify=True)
    assert (nist.version, nist.chain[0].curve) == ("TLSv1.3", "secp256r1")
    older = handshake(server.url("nist", HOST), replace(TLS, maximum="1.2"), verify=True)
    assert older.version == "TLSv1.2"
    assert older.cipher.startswith("ECDHE-ECDSA-AES")
    brainpool = handshake(server.url("brainpool", HOST), replace(TLS, curve="brainpool"), verify=True)
    assert (brainpool.version, brainpool.chain[0].curve) == ("TLSv1.2", "brainpoolP256r1")


@pytest.mark.parametrize(
    ("listener", "changes"),
    [
        ("brainpool", {"curve": "nist"}),
        ("nist", {"minimum": "1.0", "maximum": "1.1"}),
        ("nist", {"maximum": "1.2", "ciphers": "AES128-SHA256"}),
        ("nist", {"maximum": "1.2", "ciphers": "ECDHE-ECDSA-AES128-SHA256"}),
    ],
)
def test_handshakes_that_must_not_succeed(server: SmdpServer, listener: str, changes: dict[str, str]) -> None:
    with pytest.raises(errors.TlsError, match=r"do both sides have a TLS version|this client offers"):
        handshake(server.url(listener, HOST), replace(TLS, **changes))  # type: ignore[arg-type]


def test_a_client_for_brainpool_trusts_no_other_ci(server: SmdpServer) -> None:
    brainpool = replace(TLS, curve="brainpool")
    assert handshake(server.url("nist", HOST), brainpool).chain[0].curve == "secp256r1"
    with pytest.raises(errors.UnknownIssuer, match="does not chain to a trusted CI"):
        handshake(server.url("nist", HOST), brainpool, verify=True)


def brainpool_context(curve_of_keys: str) -> ssl.SSLContext:
    """A server with a Brainpool certificate that agrees on keys on a curve of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_identity(context, default_pki().server(Role.DP_TLS, "brainpool", 1))
    context.set_ecdh_curve(curve_of_keys)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_a_brainpool_certificate_with_keys_on_the_same_curve() -> None:
    with speaking(lambda taken: taken.close(), brainpool_context("brainpoolP256r1")) as port:
        shown = handshake(f"https://{HOST}:{port}", replace(TLS, curve="brainpool"), verify=True)
    assert shown.chain[0].curve == "brainpoolP256r1"


def test_a_brainpool_certificate_with_keys_on_p256() -> None:
    with speaking(lambda taken: taken.close(), brainpool_context("prime256v1")) as port:
        shown = handshake(f"https://{HOST}:{port}", replace(TLS, curve="brainpool"), verify=True)
    assert shown.chain[0].curve == "brainpoolP256r1"


def test_one_curve_is_offered_where_no_more_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ssl.SSLContext, "set_groups", raising=False)
    monkeypatch.setattr(groups, "_ctx_ctrl", lambda: None)
    with (
        speaking(lambda taken: taken.close(), brainpool_context("prime256v1")) as port,
        pytest.raises(errors.TlsError, match=r"offers TLS 1\.2 and brainpoolP256r1 alone.*3\.15"),
    ):
        handshake(f"https://{HOST}:{port}", replace(TLS, curve="brainpool"))
    with speaking(lambda taken: taken.close(), brainpool_context("brainpoolP256r1")) as port:
        assert handshake(f"https://{HOST}:{port}", replace(TLS, curve="brainpool")).chain[0].curve == "brainpoolP256r1"


def test_two_curves_are_offered_by_the_ssl_module_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = []
    monkeypatch.setattr(ssl.SSLContext, "set_groups", lambda _context, names: offered.append(names), raising=False)
    client_context(replace(TLS, curve="brainpool"))
    client_context(TLS)
    assert offered == ["brainpoolP256r1:P-256"]


def test_connections_are_kept_alive(server: SmdpServer) -> None:
    taken = []
    context = good_context()

    def answer(connection: socket.socket) -> None:
        taken.append(connection)
        for _ in range(3):
            request_of(connection)
            connection.sendall(http("200 OK", SUCCESS))

    with speaking(answer, context) as port, Es9Client(f"https://{HOST}:{port}", TLS) as client:
        for _ in range(3):
            assert not client.call("cancelSession", {}).failed
    assert len(taken) == 1


def test_what_is_sent() -> None:
    heads = []

    def answer(connection: socket.socket) -> None:
        heads.append(request_of(connection).decode().lower())
        connection.sendall(http("204 No Content", b""))

    with speaking(answer, good_context()) as port, Es9Client(f"https://{HOST}:{port}", TLS, "2.3.0") as client:
        reply = client.handle_notification(b"\x30\x00")
    assert (reply.status, reply.failed) == (204, False)
    lines = heads[0].split("\r\n")
    assert lines[0] == "post /gsma/rsp2/es9plus/handlenotification http/1.1"
    wanted = {
        f"host: {HOST}:{port}",
        "content-type: application/json",
        "user-agent: gsma-rsp-lpad",
        "x-admin-protocol: gsma/rsp/v2.3.0",
    }
    assert wanted <= set(lines)


def test_client_certificate() -> None:
    own = default_pki().server(Role.DP_TLS, number=2)
    context = server_context(default_pki().server(Role.DP_TLS), "nist", default_pki().trust())
    with speaking(says(http("200 OK", SUCCESS)), context) as port:
        assert not asked(port, replace(TLS, identity=own)).failed
        with pytest.raises(errors.Es9Error):
            asked(port)


def test_identity_leaves_no_file(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    load_identity(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), default_pki().server(Role.DP_TLS))
    assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]


def test_a_port_in_use_is_one_message() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with pytest.raises(ServerError, match=f"127.0.0.1:{port} cannot be listened at.*another port"):
        SmdpServer(SmdpService(), ports=Ports(nist=port)).start()
    taken.close()


def test_a_server_starts_again_on_its_port() -> None:
    server = SmdpServer(SmdpService(), ports=Ports(brainpool=None, es2=None))
    with server:
        port = server.port()
    with SmdpServer(SmdpService(), ports=Ports(nist=port, brainpool=None, es2=None)) as again:
        assert handshake(again.url(), TLS).version == "TLSv1.3"
    with pytest.raises(KeyError):
        again.port("es2")


def test_a_connection_that_the_server_ends_just_as_it_is_used_again() -> None:
    served: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(http("200 OK", SUCCESS))
        # The next request comes over this connection, and is not answered.
        served.append(request_of(connection) if len(served) == 0 else b"")

    with speaking(answer, good_context()) as port, Es9Client(f"https://{HOST}:{port}", TLS) as client:
        assert not client.call("cancelSession", {}).failed
        assert not client.call("cancelSession", {}).failed
    assert served[0].startswith(b"POST")


def test_a_body_that_drips() -> None:
    def answer(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(http("200 OK", b"", length=1000))
        while True:
            connection.sendall(b" ")
            threading.Event().wait(0.05)

    with (
        speaking(answer, good_context()) as port,
        pytest.raises(errors.ServerTimeout, match=r"not complete after 0\.3 s"),
    ):
        asked(port, replace(TLS, timeout=0.3))
