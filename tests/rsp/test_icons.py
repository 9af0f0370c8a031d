"""Icons of profiles are images, wherever the tester shows one to an LPA or to a server."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.conformance.reading import loader
from pytest_euicc.interfaces.lpad.cards import _installed
from pytest_euicc.iut.smdp.entries import entry
from pytest_euicc.rsp.icons import icon
from pytest_euicc.simulator.smdp.variants.profiles import further_metadata


@pytest.mark.parametrize("octets", [None, 300, 900, 1024])
def test_a_png_is_whole_and_as_long_as_wanted(octets: int | None) -> None:
    made = icon("png", octets)
    assert octets is None or len(made) == octets
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(made):
        (length,) = struct.unpack(">I", made[at : at + 4])
        name, content = made[at + 4 : at + 8], made[at + 8 : at + 8 + length]
        assert made[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(name + content))
        chunks[name] = content
        at += 12 + length
    assert chunks[b"IHDR"][:8] == struct.pack(">II", 64, 64)
    assert len(zlib.decompress(chunks[b"IDAT"])) == 64 * 65
    assert chunks[b"IEND"] == b""


@pytest.mark.parametrize("octets", [None, 300, 1024])
def test_a_jpg_is_whole_and_as_long_as_wanted(octets: int | None) -> None:
    made = icon("jpg", octets)
    assert octets is None or len(made) == octets
    assert made[:2] == b"\xff\xd8"
    assert made[-2:] == b"\xff\xd9"
    segments, at = {}, 2
    while made[at + 1] != 0xDA:
        assert made[at] == 0xFF
        length = int.from_bytes(made[at + 2 : at + 4], "big")
        segments[made[at + 1]] = made[at + 4 : at + 2 + length]
        at += 2 + length
    assert struct.unpack(">HH", segments[0xC0][1:5]) == (64, 64)


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_an_icon_cannot_be_too_small(kind: str) -> None:
    with pytest.raises(ValueError, match="an icon of 20 octets cannot be made"):
        icon(kind, 20)


def test_profiles_have_icons_that_can_be_shown() -> None:
    ordered = entry(OrderWish(icon=600), "AC-1", "smdp.example.com")["metadata"]
    assert bytes.fromhex(ordered["icon"]) == icon("png", 600)
    jpg = entry(OrderWish(icon=600, metadata={"icon_type": "jpg"}), "AC-1", "smdp.example.com")["metadata"]
    assert bytes.fromhex(jpg["icon"]) == icon("jpg", 600)
    (on_card,) = _installed("first", [{"icon": 1024}])
    assert bytes.fromhex(on_card["icon"]) == icon("png", 1024)
    (on_card,) = _installed("first", [{"icon": 1024, "icon_type": "jpg"}])
    assert bytes.fromhex(on_card["icon"]) == icon("jpg", 1024)
    varied = further_metadata({}, frozenset({"profiles-with-icon"}))
    assert bytes.fromhex(varied["icon"]) == icon("png", 200)


def test_a_size_that_no_icon_has_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mistakes.yaml"
    path.write_text(
        "case: TC_X\ntitle: Mistakes\niut: smdp\ninterface: ES9+\norigin: own\nclauses: { sgp22: ['5.6.3'] }\n"
        "sequences:\n  - id: '01'\n    title: Mistakes\n    given: [{ order: { icon: 20 } }]\n"
        "    steps: [es9plus.initiate_authentication]\n"
    )
    (mistake,) = loader.lint([path])
    assert "an icon of 20 octets cannot be made" in str(mistake)
    with pytest.raises(ValueError, match=r"profiles\.0\.icon: an icon of 20 octets cannot be made"):
        _installed("first", [{"icon": 20}])
    with pytest.raises(ValueError, match=r"profiles\.0\.icon: an icon is png or jpg, not 'gif'"):
        _installed("first", [{"icon": 600, "icon_type": "gif"}])
