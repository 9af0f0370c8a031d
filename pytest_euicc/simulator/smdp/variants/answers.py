"""Permitted variants of answers over HTTP: JSON, headers, connections, status of what is no request of the binding."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant

OF_ANSWERS = (
    Variant("json-members-reversed", "Members of JSON objects come in the reverse order", "RFC 8259 4"),
    Variant("json-indented", "JSON is written over many lines", "RFC 8259 2"),
    Variant("json-within-white-space", "White space surrounds the JSON object", "RFC 8259 2"),
    Variant("json-escapes-slashes", "The slashes of base64 are written with a backslash before them", "RFC 8259 7"),
    Variant("base64-in-lines", "Base64 has lines of 76 characters", "RFC 2045 6.8"),
    Variant("json-further-members", "Objects have members that are not known yet", "left open by 6.5.2"),
    Variant("header-names-in-capitals", "Names of HTTP headers are written in capital letters", "RFC 9110 5.1"),
    Variant(
        "header-names-of-words",
        "Names of HTTP headers are written with a capital letter for each word",
        "RFC 9110 5.1",
        frozenset({"header-names-in-capitals"}),
    ),
    Variant("headers-reversed", "HTTP headers come in another order", "RFC 9110 5.3"),
    Variant("further-headers", "Answers have headers of caches, cookies, proxies and security", "RFC 9110 5.1"),
    Variant("names-its-software", "Answers have a header Server", "RFC 9110 10.2.4"),
    Variant("no-date", "Answers have no header Date: the server has no clock for HTTP", "RFC 9110 6.6.1"),
    Variant("content-type-with-charset", "Content-Type has the parameter charset", "RFC 9110 8.3.1"),
    Variant("content-type-in-capitals", "Content-Type is written in other letters", "RFC 9110 8.3.1"),
    Variant("chunked", "Answers are sent in chunks, without Content-Length", "RFC 9112 7.1"),
    Variant("sends-in-pieces", "An answer is sent in many TLS records", "RFC 8446 5.1"),
    Variant("closes-connections", "The connection is closed after every answer", "RFC 9112 9.6"),
    Variant(
        "announces-keep-alive",
        "Answers say how long a connection is kept",
        "RFC 9112 9.3",
        frozenset({"closes-connections"}),
    ),
    Variant("answers-late", "Answers take a twentieth of a second", "left open by 5.6"),
    Variant("notification-answer-with-type", "The empty answer to a notification has a Content-Type", "RFC 9110 8.3"),
    Variant("reads-any-content-type", "JSON is read whatever Content-Type says", "left open by 6.5.1"),
    Variant(
        "content-type-answered-400",
        "Another Content-Type is answered with HTTP 400",
        "RFC 9110 15.5.1",
        frozenset({"reads-any-content-type"}),
    ),
    Variant("path-answered-403", "A path that calls no function is answered with HTTP 403", "RFC 9110 15.5.4"),
    Variant(
        "path-answered-301",
        "A path that calls no function is answered with a redirect",
        "RFC 9110 15.4.2",
        frozenset({"path-answered-403"}),
    ),
    Variant("get-answered-404", "GET of a function is answered with HTTP 404", "RFC 9110 15.5.5"),
    Variant(
        "get-answered-302",
        "GET of a function is answered with a redirect",
        "RFC 9110 15.4.3",
        frozenset({"get-answered-404"}),
    ),
    Variant(
        "ignores-characters-beyond-base64", "Base64 is read without characters that it does not have", "RFC 2045 6.8"
    ),
    Variant(
        "content-type-answered-500",
        "Another Content-Type is answered with HTTP 500",
        "left open by 6.5.1",
        frozenset({"content-type-answered-400"}),
    ),
    Variant(
        "path-answered-500",
        "A path that calls no function is answered with HTTP 500",
        "left open by 6.5.1",
        frozenset({"path-answered-403", "path-answered-301"}),
    ),
    Variant(
        "path-closes-connection",
        "The connection is closed for a path that calls no function",
        "left open by 6.5.1",
        frozenset({"path-answered-403", "path-answered-301", "path-answered-500"}),
    ),
    Variant(
        "other-than-json-answered-500",
        "A body that is not a JSON object is answered with HTTP 500",
        "left open by 6.5.2",
    ),
    Variant("large-body-answered-500", "A body that is too large is answered with HTTP 500", "left open by 6.5.1"),
    Variant(
        "unreadable-field-answered-500",
        "A field that cannot be read is answered with HTTP 500",
        "left open by 6.5.2",
        frozenset({"unreadable-field-answered-400"}),
    ),
    Variant(
        "unreadable-field-answered-400", "A field that cannot be read is answered with HTTP 400", "left open by 6.5.2"
    ),
)
"""What ``http.styles`` does."""
