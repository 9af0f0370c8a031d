"""Every type of the modules, with values made from its schema, and with octets made to break it."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import asn1tools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_euicc.asn1 import codec, modules, tlv
from pytest_euicc.rsp import profile_package

ICCID = bytes.fromhex("98001032547698103214")
LARGEST = 40  # of octets, characters and elements that no constraint bounds
TYPES = sorted(name for name in codec.type_names() if codec.fields(name).fields or codec.fields(name).element)


@cache
def values(node: codec.Node) -> st.SearchStrategy[Any]:
    """Values of a type as decoding gives them."""
    low, high = node.size[0] if node.size else (0, 4)
    high = min(high, low + LARGEST)
    match node.kind:
        case "SEQUENCE":
            return st.fixed_dictionaries(
                {entry.name: values(entry) for entry in node.fields if not entry.optional or entry.default is not None},
                optional={
                    entry.name: values(entry) for entry in node.fields if entry.optional and entry.default is None
                },
            )
        case "CHOICE":
            return st.one_of([st.tuples(st.just(entry.name), values(entry)) for entry in node.fields])
        case "SEQUENCE OF":
            assert node.element is not None
            return st.lists(values(node.element), min_size=low, max_size=min(high, low + 2))
        case "OCTET STRING":
            return st.binary(min_size=low, max_size=high)
        case "UTF8String":
            return st.text(min_size=low, max_size=high)
        case "INTEGER":
            numbers = node.numbers[0] if node.numbers else (-(2**40), 2**40)
            return st.integers(*numbers)
        case "BOOLEAN":
            return st.booleans()
        case "NULL":
            return st.none()
        case "BIT STRING":
            return st.binary(max_size=5).map(lambda octets: codec_bits(octets))
        case "OBJECT IDENTIFIER":
            return st.sampled_from(["2.999.10", "2.999", "1.2.840.113549", "0.39.1", "2.23.146.1.2.1.4"])
        case "OPAQUE":
            return st.binary(max_size=200).map(lambda octets: tlv.encode(0x30, tlv.encode(0x04, octets)))
    raise AssertionError(node.kind)


def codec_bits(octets: bytes) -> tuple[bytes, int]:
    """A bit string as it comes back: up to its last one."""
    bits = "".join(f"{octet:08b}" for octet in octets).rstrip("0")
    return octets[: -(-len(bits) // 8)], len(bits)


@pytest.mark.parametrize("type_name", TYPES)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_encoded_is_canonical_and_decodes_to_the_same(type_name: str, data: st.DataObject) -> None:
    value = data.draw(values(codec.fields(type_name)))
    octets = codec.encode(type_name, value)
    received = codec.receive(type_name, octets)
    assert received.value == value
    assert received.unknown == ()
    assert codec.check_der(octets, type_name) == []


MESSAGES = [
    "EUICCInfo2",
    "PendingNotification",
    "PE-SecurityDomain",
    "AuthenticateServerResponse",
    "BoundProfilePackage",
]


@cache
def oracle() -> Any:
    """asn1tools' encoder for the same modules."""
    sources = [(Path(modules.__file__).parent / name).read_text(encoding="utf-8") for name in modules.MODULES]
    return asn1tools.compile_string("\n".join(sources), "der")


def for_oracle(node: codec.Node, value: Any) -> Any:
    """A value as asn1tools wants it: default values left out, and a piece without its tag where the place has one."""
    match node.kind:
        case "SEQUENCE":
            given = {entry.name: value[entry.name] for entry in node.fields if entry.name in value}
            return {
                name: for_oracle(node.field(name), each)  # type: ignore[arg-type]
                for name, each in given.items()
                if node.field(name).default is None or each != node.field(name).default  # type: ignore[union-attr]
            }
        case "CHOICE":
            return value[0], for_oracle(node.field(value[0]), value[1])  # type: ignore[arg-type]
        case "SEQUENCE OF":
            return [for_oracle(node.element, each) for each in value]  # type: ignore[arg-type]
    return value


def has_opaque(node: codec.Node) -> bool:
    parts = [*node.fields, *([node.element] if node.element is not None else [])]
    return node.kind == "OPAQUE" or any(map(has_opaque, parts))


@pytest.mark.parametrize("type_name", [name for name in MESSAGES if not has_opaque(codec.fields(name))])
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_another_encoder_makes_the_same_of_it(type_name: str, data: st.DataObject) -> None:
    node = codec.fields(type_name)
    value = data.draw(values(node))
    assert codec.encode(type_name, value) == bytes(oracle().encode(type_name, for_oracle(node, value)))


@settings(deadline=None)
@given(
    octets=st.binary(max_size=64), type_name=st.sampled_from([*MESSAGES, "CtxParams1", "Certificate", "ProfileElement"])
)
def test_any_octets_raise_nothing_but_asn1_errors(octets: bytes, type_name: str) -> None:
    codec.check_der(octets, type_name)
    with suppress(codec.Asn1Error):
        codec.encode(type_name, codec.decode(type_name, octets))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), type_name=st.sampled_from(MESSAGES))
def test_damaged_messages_raise_nothing_but_asn1_errors(data: st.DataObject, type_name: str) -> None:
    octets = bytearray(codec.encode(type_name, data.draw(values(codec.fields(type_name)))))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(octets)
    codec.check_der(damaged, type_name)
    with suppress(codec.Asn1Error):
        received = codec.receive(type_name, damaged)
        str(received)
        codec.encode(type_name, received.value)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(), containers, max_leaves=5
)


@settings(deadline=None)
@given(
    value=JUNK, type_name=st.sampled_from(["ListNotificationRequest", "CtxParams1", "PprIds", "Iccid", "ServicesList"])
)
def test_any_python_value_raises_nothing_but_asn1_errors(value: Any, type_name: str) -> None:
    with suppress(codec.Asn1Error):
        codec.encode(type_name, value)


def test_huge_numbers_and_identifiers_are_refused() -> None:
    number = tlv.encode(0xBF30, tlv.encode(0x80, b"\x7f" * 5000))
    with pytest.raises(codec.Asn1Error, match="INTEGER of 5000 octets"):
        codec.decode("NotificationSentRequest", number)
    identifier = tlv.encode(0x30, tlv.encode(0x80, b"\xff" * 60000 + b"\x01"))
    with pytest.raises(codec.Asn1Error, match="object identifier of 60001 octets"):
        codec.decode("DpProprietaryData", identifier)


def published_packages() -> list[bytes]:
    """The packages under EUICC_TS48_DIR and one of our own, so that the test has something to read everywhere."""
    folder = os.environ.get("EUICC_TS48_DIR")
    published = [path.read_bytes() for path in sorted(Path(folder).glob("*.der"))] if folder else []
    return [profile_package.build(ICCID), *published]


def test_profile_packages_are_known_to_the_last_octet() -> None:
    for package in published_packages():
        elements = [codec.receive("ProfileElement", element.octets) for element in tlv.parse_all(package)]
        names = [element.value[0] for element in elements]
        assert names[0] == "header"
        assert names[-1] == "end"
        assert {"mf", "usim", "akaParameter", "securityDomain"} <= set(names)
        assert len(elements[0].value[1]["iccid"]) == 10
        assert [element.unknown for element in elements if element.unknown] == []
        assert b"".join(codec.encode("ProfileElement", element.value) for element in elements) == package
