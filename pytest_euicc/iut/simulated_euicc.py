"""What a declaration says of a simulated eUICC whose permitted variants change what it is personalised with."""

from __future__ import annotations

from typing import Any

from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.rsp.rat import PPRS
from pytest_euicc.simulator.euicc.settings import EuiccSettings, OwnerSettings


def redeclared(declaration: Declaration, settings: EuiccSettings, pki: Pki) -> Declaration:
    """The declaration with what it declares of the settings as they are; what it leaves out stays out."""
    eid = settings.eid.hex()
    said: dict[str, Any] = {
        "svn": _version(settings.svn),
        "eid": eid,
        "ci_verification": [_key_id(pki, curve) for curve in settings.verification],
        "ci_signing": [_key_id(pki, curve) for curve in settings.signing],
        "default_address": settings.default_address,
        "root_sds_address": settings.root_sds,
        "pp_version": _version(settings.pp_version),
        "profile_version": _version(settings.profile_version),
        "firmware_version": _version(settings.firmware),
        "uicc_capability": sorted(settings.uicc_capability),
        "rsp_capability": sorted(settings.rsp_capability),
        "forbidden_ppr": sorted(settings.forbidden_ppr),
        "rat": [
            {
                "pprIds": _bits(PPRS, rule.rules),
                "allowedOperators": [_operator(operator) for operator in rule.operators],
                "pprFlags": "1" if rule.consent_required else "",
            }
            for rule in settings.rat
        ],
    }
    changed = {name: value for name, value in said.items() if getattr(declaration, name) is not None}
    if settings.default_address:
        changed["default_address"] = settings.default_address
    classes = {profile.profile_class for profile in settings.profiles}
    absent = {"O_E_PROVISIONING": "provisioning" not in classes, "O_E_ISDR_CHANNELS": settings.isdr_once}
    changed["options"] = declaration.options | {name: False for name, gone in absent.items() if gone}
    if declaration.test_cards:
        changed["test_cards"] = [eid]
    return declaration.model_copy(update=changed)


def _version(octets: bytes) -> str:
    return ".".join(map(str, octets))


def _key_id(pki: Pki, curve: str) -> str:
    return (pki.ci(curve).subject_key_id or b"").hex().upper()


def _bits(order: tuple[str, ...], names: frozenset[str]) -> str:
    return "".join("1" if name in names else "0" for name in order).rstrip("0")


def _operator(owner: OwnerSettings) -> dict[str, str]:
    given = {"mccMnc": owner.mcc_mnc, "gid1": owner.gid1, "gid2": owner.gid2}
    return {name: octets.hex().upper() for name, octets in given.items() if octets is not None}
