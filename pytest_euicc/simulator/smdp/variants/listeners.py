"""Permitted variants of the listeners: TLS, the certificate shown, how long idle connections are kept."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant, registry

LISTENER_VARIANTS = registry(
    Variant("tls-shows-the-ci", "The CI certificate is sent after CERT.DP.TLS", "RFC 8446 4.4.2"),
    Variant("tls-without-tickets", "No session tickets are sent", "RFC 8446 4.6.1"),
    Variant(
        "tls-with-many-tickets",
        "Six session tickets are sent after a handshake of TLS 1.3",
        "RFC 8446 4.6.1",
        frozenset({"tls-without-tickets"}),
    ),
    Variant("tls-prefers-aes-128", "Suites with AES-128 go before those with AES-256", "left open by 2.6.6"),
    Variant(
        "tls-order-of-client",
        "The suite is the first one of the client's",
        "left open by 2.6.6",
        frozenset({"tls-prefers-aes-128"}),
    ),
    Variant("tls-one-group", "Keys are agreed on P-256 alone where the certificate is on P-256", "left open by 2.6.6"),
    Variant("tls-names-protocol", "The listener knows ALPN and the protocol http/1.1", "RFC 7301 3.2"),
    Variant("tls-certificate-with-names", "CERT.DP.TLS is for further hosts", "4.5.2.1"),
    Variant("tls-certificate-with-extensions", "CERT.DP.TLS has extensions more", "4.5.2.1"),
    Variant("tls-certificate-of-today", "CERT.DP.TLS was issued today, for a year", "4.5.2.1"),
    Variant("closes-idle-connections", "A connection that is idle for a second is closed", "RFC 9112 9.5"),
)
"""How the listeners are: asked for where they start, so that changing one starts them anew."""
