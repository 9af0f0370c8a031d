"""ES6.UpdateMetadata on the eUICC: what the operator may change of an installed profile's metadata (SGP.22 5.4.1)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp.rat import PPRS, rule_names
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.state import Profile, named_bits

_DONE, _INCORRECT_DATA = 0x9000, 0x6A80
_PROFILE_CLASS = 0x95
_STORED_IN_EUICC = "serviceSpecificDataStoredInEuicc"


def update_metadata(core: EuiccCore, profile: Profile, request: bytes) -> int:
    """Carry out an UpdateMetadataRequest, all of it or nothing; returns the status word."""
    try:
        value = codec.decode("UpdateMetadataRequest", request)
    except (codec.Asn1Error, tlv.TlvError):
        if core.defective("update-keeps-half"):
            _keep_name(core, profile, request)
        return _DONE if core.defective("takes-any-metadata") else _INCORRECT_DATA
    metadata = dict(profile.metadata)
    for name in ("serviceProviderName", "profileName"):
        if name in value and not core.defective("keeps-names"):
            metadata[name] = value[name]
    _update_icon(core, metadata, value)
    if core.defective("update-sets-class"):
        for part in tlv.parse(request).children():
            if part.tag == _PROFILE_CLASS:
                metadata["profileClass"] = int.from_bytes(part.value, "big")
    if _STORED_IN_EUICC in value and "serviceSpecificDataSupport" in core.settings.rsp_capability:
        metadata[_STORED_IN_EUICC] = value[_STORED_IN_EUICC]
    if "profilePolicyRules" in value:
        wanted = rule_names(value["profilePolicyRules"])
        if "pprUpdateControl" in wanted and not core.defective("update-sets-ppr"):
            # SGP.22 5.4.1: other ways to update the rules than unsetting them are not defined.
            return _INCORRECT_DATA
        _update_rules(core, metadata, set(wanted) - {"pprUpdateControl"})
    core.replace_profile(profile, metadata=metadata)
    return _DONE


def _update_icon(core: EuiccCore, metadata: dict[str, Any], value: dict[str, Any]) -> None:
    if "iconType" in value:
        metadata["iconType"] = value["iconType"]
    if "icon" not in value:
        return
    if value["icon"]:
        metadata["icon"] = value["icon"]
    elif not core.defective("keeps-removed-icon"):
        # An empty object removes the icon, and its type as well.
        metadata.pop("icon", None)
        metadata.pop("iconType", None)


def _update_rules(core: EuiccCore, metadata: dict[str, Any], wanted: set[str]) -> None:
    """A rule stays if it was set and is set in the request: they can only be unset (SGP.22 2.9, 5.4.1)."""
    before = rule_names(metadata.get("profilePolicyRules", (b"", 0)))
    kept = before | wanted if core.defective("update-sets-ppr") else before & wanted
    kept |= {rule for rule in before & {"ppr1", "ppr2"} if core.defective(f"keeps-{rule}")}
    metadata.pop("profilePolicyRules", None)
    if kept:
        metadata["profilePolicyRules"] = named_bits(PPRS, kept)


def _keep_name(core: EuiccCore, profile: Profile, request: bytes) -> None:
    """With the defect of that name: what comes before the fault is kept."""
    first = next(iter(tlv.parse(request).children()), None)
    if first is not None and first.tag == 0x91:
        core.replace_profile(profile, metadata={**profile.metadata, "serviceProviderName": first.value.decode()})
