"""Permitted variants of the functions: status, sessions, order of checks, retries, signatures, packages."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant

_STATUS = (
    Variant("warns", "A function that was carried out is Executed-WithWarning", "5.2.6"),
    Variant("no-messages", "statusCodeData has no message", "6.5.1.4"),
    Variant(
        "empty-messages", "The message of statusCodeData is empty", "left open by 6.5.1.4", frozenset({"no-messages"})
    ),
    Variant(
        "long-messages",
        "The message of statusCodeData has two thousand characters",
        "left open by 6.5.1.4",
        frozenset({"no-messages", "empty-messages"}),
    ),
    Variant(
        "messages-beyond-ascii",
        "The message of statusCodeData is in another script",
        "RFC 8259 8.1",
        frozenset({"no-messages", "empty-messages", "long-messages"}),
    ),
    Variant("names-subjects", "statusCodeData has a subjectIdentifier", "6.5.1.4"),
)
_SESSIONS = (
    Variant("one-octet-transaction-ids", "transactionId has one octet, and more where those are in use", "5.6.1"),
    Variant(
        "five-octet-transaction-ids",
        "transactionId has five octets",
        "5.6.1",
        frozenset({"one-octet-transaction-ids"}),
    ),
    Variant(
        "counted-transaction-ids",
        "Sessions are numbered: transactionId is unique and not random",
        "5.6.1",
        frozenset({"one-octet-transaction-ids", "five-octet-transaction-ids"}),
    ),
    Variant("short-sessions", "A session ends a minute after its last step", "left open by 3.1.2"),
    Variant(
        "knows-cancelled-sessions",
        "A session that was cancelled can be cancelled again, and the last reason counts",
        "left open by 3.1.5",
    ),
)
_CHECKS = (
    Variant("address-is-checked-last", "CIs and version are checked before the smdpAddress", "left open by 5.6.1"),
    Variant("version-is-checked-first", "The version is checked before address and CIs", "left open by 5.6.1"),
    Variant(
        "compares-before-it-verifies",
        "Signed values are compared before certificates and signatures are verified",
        "left open by 5.6.3",
    ),
    Variant(
        "verifies-before-it-compares",
        "The signature is verified before the signed transactionId is compared",
        "left open by 5.6.2",
        frozenset({"compares-before-it-verifies"}),
    ),
    Variant("finds-sessions-first", "The session is looked for before other fields are read", "left open by 6.5.2"),
    Variant(
        "ended-is-told-first",
        "That an order has ended is reported before its expiry and number of downloads are checked",
        "left open by 5.6.3",
    ),
    Variant("ended-is-not-released", "An order that has ended is reported as 8.2/1.2, not released", "3.1.6"),
    Variant("release-is-checked-first", "The state of a profile is checked before its EID", "left open by 5.6.3"),
    Variant("takes-eum-path-length", "CERT.EUM may have a path length above 0", "RFC 5280 6.1.4"),
    Variant(
        "no-authority-key-is-invalid",
        "CERT.EUM without authorityKeyIdentifier is an invalid certificate, not one under an unknown CI",
        "left open by 5.6.3",
    ),
)
_DOWNLOADS = (
    Variant(
        "downloaded-waits-for-result",
        "A profile that was handed out is refused until its session is cancelled or its installation has failed",
        "left open by 3.1.3",
    ),
    Variant("reads-euicc-responses", "A result without an EUICCResponse that can be read changes nothing", "2.5.6"),
    Variant("binds-anew-for-same-key", "A retry with the same key gets a package of new keys", "left open by 5.6.2"),
    Variant("short-host-id", "hostId of the control reference template has five octets", "5.5.1"),
    Variant("small-metadata-segments", "Segments 88 carry a hundred octets of metadata", "2.5.3"),
    Variant("small-profile-segments", "Segments 86 carry at most five hundred octets of the profile", "2.5.3"),
    Variant(
        "tiny-profile-segments",
        "Segments 86 carry at most ninety-seven octets of the profile",
        "2.5.3",
        frozenset({"small-profile-segments"}),
    ),
)
_SIGNED = (
    Variant("low-s", "In signatures s is in the lower half of its range", "left open by 2.6.7.2"),
    Variant(
        "high-s", "In signatures s is in the upper half of its range", "left open by 2.6.7.2", frozenset({"low-s"})
    ),
    Variant("signs-address-in-capitals", "serverSigned1 names the server in capital letters", "RFC 4343 2"),
    Variant("later-signed1", "serverSigned1 has an element of a later version", "annex H"),
    Variant("later-signed2", "smdpSigned2 has an element of a later version", "annex H"),
    Variant("certificates-with-extensions", "CERT.DPauth and CERT.DPpb have extensions more", "4.5.2.1"),
    Variant("certificates-of-today", "CERT.DPauth and CERT.DPpb were issued today, for a year", "4.5.2.1"),
    Variant("certificates-with-long-numbers", "Serial numbers of certificates have 20 octets", "RFC 5280 4.1.2.2"),
    Variant("certificates-with-long-names", "Subjects of certificates have many attributes", "4.5.2.1"),
)
OF_FUNCTIONS = (*_STATUS, *_SESSIONS, *_CHECKS, *_DOWNLOADS, *_SIGNED)
"""Every one of them."""
