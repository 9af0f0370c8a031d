"""The declaration of a card, written from what it reports about itself; the rest is asked in comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.declared import options_reported_by, reported_by, version
from pytest_euicc.conformance.files.declaration import FIRST_VERSION, LAST_VERSION
from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.lab.facts import Facts

QUESTION = "#?"
"""Begins a line that a person decides: without it, the line belongs to the declaration."""
_WIDTH = 110
_INDENT = "  "
_IOT = "O_E_IOT"
_IOT_SETTINGS = {
    "package_size": "octets of the largest eUICC Package that it takes",
    "result_size": "octets of the largest result of a package",
    "results_kept": "results that it keeps until they are acknowledged",
}


class NotReported(PytestEuiccError):
    """The card does not say enough of itself for a declaration."""


def declaration_of(facts: Facts, curves: Mapping[str, str], where: str) -> str:
    """The text of a declaration file.

    Args:
        facts: what the card says.
        curves: ``nist`` or ``brainpool`` by the key identifier of each CI that is known, in capital hex.
        where: the reader, for the heading.

    Raises:
        NotReported: there is no EUICCInfo2.
    """
    if not facts.info2:
        raise NotReported(
            "the card gives no EUICCInfo2, without which nothing can be declared: " + "; ".join(facts.unreported)
        )
    return "\n".join(_lines(facts, curves, where)) + "\n"


def _lines(facts: Facts, curves: Mapping[str, str], where: str) -> Iterator[str]:
    reported = reported_by(facts.info2)
    highest = tuple(facts.info2.get("highestSvn") or facts.info2["svn"])
    yield from _comment(f"What the eUICC in {where} reports about itself, read on {datetime.now(UTC):%Y-%m-%d}.")
    yield from _comment(
        f'Lines that begin with "{QUESTION}" are questions that the card does not answer. Answer each: remove '
        f'"{QUESTION}" and correct the value, or delete the line, which means no.'
    )
    yield from _comment(f"ATR {facts.atr.hex().upper() or 'not reported'}")
    for unreported in facts.unreported:
        yield from _comment(f"not reported: {unreported}")
    yield from _dumped("name", f"eUICC {facts.eid}, firmware {reported['firmware_version']}")
    yield "iut: euicc"
    nearest = min(max(highest, (*FIRST_VERSION, 0)), (*LAST_VERSION, 255))
    yield "# The version of SGP.22 that it follows, taken from its svn. Is this correct?"
    if nearest != highest:
        yield from _comment(f"Its svn is {version(bytes(highest))}; the nearest version that this release knows is:")
    yield from _dumped("version", version(bytes(nearest if nearest == highest else (*nearest[:2], 0))))
    if facts.eid:
        yield from _dumped("eid", facts.eid)
    for name, value in reported.items():
        yield from _dumped(name, value)
    addresses = facts.addresses or {}
    for key, field in (("default_address", "defaultDpAddress"), ("root_sds_address", "rootDsAddress")):
        if addresses.get(field):
            yield from _dumped(key, addresses[field])
    if facts.rat is not None:
        yield from _dumped("rat", to_json(facts.rat))
    yield "options:"
    yield from _options(facts, curves, reported)
    yield from _settings(facts)
    yield from _profiles(facts)
    yield "# May tests change this card, install and delete profiles on it? Only cards listed here are changed."
    yield f"{QUESTION}test_cards: [{_quoted(facts.eid)}]"
    yield "# restore: [] lists command APDUs that restore the personalised state of the card, if it has such commands."


def _options(facts: Facts, curves: Mapping[str, str], reported: Mapping[str, Any]) -> Iterator[str]:
    known = _known_options(facts, curves, reported)
    iot = known.get(_IOT, (False, ""))[0]
    for name, meaning in OPTIONS.items():
        if name.startswith(("O_P_", "O_D_")) or (name.startswith(f"{_IOT}_") and not iot):
            continue
        if name in known:
            held, place = known[name]
            yield from _beside(f"{_INDENT}{name}: {str(held).lower()}", place)
        else:
            yield from _beside(f"{QUESTION}{_INDENT}{name}: false", f"{meaning}?")


def _known_options(facts: Facts, curves: Mapping[str, str], reported: Mapping[str, Any]) -> dict[str, tuple[bool, str]]:
    """What the card decides of the options, each with where."""
    known = options_reported_by(facts.info2)
    iot = facts.info2.get("iotSpecificInfo")
    template = facts.fci.iot if facts.fci is not None else None
    known[_IOT] = (iot is not None or template is not None, "iotSpecificInfo, FCI of the ISD-R")
    if template is not None:
        known["O_E_IOT_IPAE"] = ("1" in to_json(template["euiccConfiguration"])[:1], "euiccConfiguration of the FCI")
    signing, verification = set(reported["ci_signing"]), set(reported["ci_verification"])
    strangers = (signing | verification) - curves.keys()
    for option, curve in (("O_E_NIST", "nist"), ("O_E_BRP", "brainpool")):
        # A session needs both: the server is verified with a CI, and the eUICC signs under one.
        mine = [each for each in reported["ci_signing"] if each in verification and curves.get(each) == curve]
        if mine or not strangers:
            known[option] = (bool(mine), f"CI {mine[0]}" if mine else "no such CI in both lists")
    if not strangers:
        only = any(curves[each] == "brainpool" for each in verification - signing)
        known["O_E_BRP_VERIFICATION_ONLY"] = (only, "CI lists of EUICCInfo2")
    if facts.fci is not None and facts.fci.isdr is not None:
        known["O_E_LPAe"] = ("lpaeSupport" in facts.fci.isdr, "FCI of the ISD-R")
    if not known[_IOT][0]:
        known["O_E_LPAd"] = (facts.lpad, "GetProfilesInfo")
    known["O_E_ISDR_CHANNELS"] = (facts.isdr_channels, "SELECT of the ISD-R on two channels")
    if facts.rat is not None:
        known["O_E_RAT"] = (bool(facts.rat), "GetRAT")
    if facts.addresses is not None:
        known["O_E_SDS"] = (bool(facts.addresses.get("rootDsAddress")), "GetEuiccConfiguredAddresses")
    if facts.profiles is not None:
        known["O_E_PROVISIONING"] = (facts.provisioning, "GetProfilesInfo")
    return known


def _settings(facts: Facts) -> Iterator[str]:
    iot = facts.info2.get("iotSpecificInfo")
    if iot is None:
        return
    yield "settings:"
    versions = [each.hex().upper() for each in iot["iotVersion"]]
    yield f"{_INDENT}sgp32_version: {_quoted(versions[-1])}"
    for name, meaning in _IOT_SETTINGS.items():
        yield from _beside(f"{QUESTION}{_INDENT}{name}: 0", f"{meaning}?")


def _profiles(facts: Facts) -> Iterator[str]:
    if facts.profiles is None:
        return
    states, classes = (codec.fields(name).names for name in ("ProfileState", "ProfileClass"))
    yield f"# Profiles on the card: {len(facts.profiles)}"
    for profile in facts.profiles:
        words = [profile["iccid"].hex().upper()] if "iccid" in profile else []
        words += [_word(profile.get("profileState"), states), _word(profile.get("profileClass"), classes)]
        words += [_quoted(profile[key]) for key in ("serviceProviderName", "profileName") if key in profile]
        yield from _comment(f"- {', '.join(word for word in words if word)}")


def _word(value: Any, names: Mapping[str, int]) -> str:
    return next((name for name, number in names.items() if value is not None and number == int(value)), "")


def _dumped(key: str, value: Any) -> Iterator[str]:
    # Lists in one line each; PyYAML breaks a line after the word that reaches the width.
    style = False if isinstance(value, str) else None
    text = yaml.safe_dump({key: value}, default_flow_style=style, width=_WIDTH - 30, sort_keys=False)
    yield from text.rstrip("\n").splitlines()


def _quoted(text: str) -> str:
    """Text between double quotes, as YAML has it, in one line of ASCII."""
    dumped: str = yaml.safe_dump(text, default_style='"', width=float("inf"))
    return dumped.strip()


def _comment(text: str) -> Iterator[str]:
    """Text as comment lines; whatever is in it, it stays a comment."""
    line = "#"
    for word in text.encode("ascii", "backslashreplace").decode().split():
        if len(line) + len(word) >= _WIDTH and line != "#":
            yield line
            line = "#"
        line += f" {word}"
    yield line


def _beside(line: str, comment: str) -> Iterator[str]:
    whole = f"{line}  # {comment}"
    if len(whole) > _WIDTH:
        yield f"{_INDENT}# {comment}"
        yield line
    else:
        yield whole
