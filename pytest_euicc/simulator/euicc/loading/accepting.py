"""Whether profile metadata are accepted, and which of them are kept (SGP.22 5.5.3, 2.9.3.1)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.rsp.rat import authorises, rule_names
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.loading.es8plus import LoadFault
from pytest_euicc.simulator.euicc.settings import rat_value

_TEST_CLASS, _DEFAULT_CLASS = 0, 2


def accept_metadata(core: EuiccCore, metadata: dict[str, Any]) -> None:
    """The checks that come before anything is stored.

    Raises:
        LoadFault: the first one that fails.
    """
    known = core.state.find(("iccid", metadata["iccid"])) or metadata["iccid"] in core.state.deleted
    if known and not core.defective("accepts-same-iccid"):
        raise _refused("installFailedDueToIccidAlreadyExistsOnEuicc")
    if int(metadata.get("profileClass", 2)) == _TEST_CLASS:
        supported = "testProfileSupport" in core.settings.rsp_capability
        if not supported and not core.defective("takes-test-profiles-without-support"):
            raise _refused("unsupportedProfileClass")
        if supported and core.defective("refuses-test-profiles"):
            raise _refused("unsupportedProfileClass")
    if core.defective("wants-notification-addresses") and "notificationConfigurationInfo" not in metadata:
        raise _refused("incorrectInputValues")
    if not _rules_allowed(core, metadata):
        raise _refused("pprNotAllowed")


def _rules_allowed(core: EuiccCore, metadata: dict[str, Any]) -> bool:
    """The Profile Policy Enabler: every rule by the RAT, for the owner of the profile; consent is the LPA's affair."""
    rules = rule_names(metadata.get("profilePolicyRules", (b"", 0))) - {"pprUpdateControl"}
    if not rules:
        return True
    if core.defective("allows-no-ppr1") and "ppr1" in rules:
        return False
    if rules & core.settings.forbidden_ppr and not core.defective("ignores-forbidden-rules"):
        return False
    owner = metadata.get("profileOwner")
    if owner is None:
        return core.defective("takes-rules-without-owner")
    # A forbidden rule has no entry in the table either.
    table = rules - core.settings.forbidden_ppr
    return core.defective("ignores-rat") or all(authorises(rat_value(core.settings), rule, owner) for rule in table)


def _refused(reason: str) -> LoadFault:
    return LoadFault("storeMetadata", reason)


def kept_metadata(core: EuiccCore, metadata: dict[str, Any], configuration: dict[str, Any]) -> dict[str, Any]:
    """The fields of ProfileInfo that an installed profile has from StoreMetadata and ConfigureISDP."""
    kept = {name: value for name, value in metadata.items() if name not in _not_kept(core)}
    if "dpProprietaryData" in configuration and not core.defective("drops-proprietary-data"):
        kept["dpProprietaryData"] = configuration["dpProprietaryData"]
    if core.defective("stores-what-is-not-to-be-stored") and "serviceSpecificDataNotStoredInEuicc" in metadata:
        kept["serviceSpecificDataStoredInEuicc"] = metadata["serviceSpecificDataNotStoredInEuicc"]
    if not core.defects:
        return kept
    if core.defective("class-is-provisioning-by-default") and int(metadata["profileClass"]) == _DEFAULT_CLASS:
        # As it is the default, DER has it left out.
        kept["profileClass"] = 1
    if core.defective("names-in-one-octet-characters"):
        for name in ("serviceProviderName", "profileName"):
            kept[name] = kept[name].encode("ascii", "replace").decode()
    if core.defective("drops-gids") and "profileOwner" in kept:
        kept["profileOwner"] = {"mccMnc": kept["profileOwner"]["mccMnc"]}
    if core.defective("png-icons-only") and int(kept.get("iconType", 1)) == 0:
        del kept["iconType"], kept["icon"]
    if core.defective("icons-of-1000-octets") and "icon" in kept:
        kept["icon"] = kept["icon"][:1000]
    if core.defective("icon-type-is-jpg") and "iconType" in kept:
        kept["iconType"] = 0
    if core.defective("two-addresses-at-most"):
        kept["notificationConfigurationInfo"] = kept.get("notificationConfigurationInfo", [])[:2]
    if core.defective("drops-rules-of-the-profile"):
        kept.pop("profilePolicyRules", None)
    return kept


def _not_kept(core: EuiccCore) -> set[str]:
    names = {"iccid", "serviceSpecificDataNotStoredInEuicc"}
    if core.settings.iot is None or core.defective("iot-drops-iot-metadata"):
        # Elements that an eUICC of SGP.22 alone does not know.
        names |= {"ecallIndication", "fallbackAllowed"}
    elif core.varies("iot-unused-metadata-is-not-kept"):
        names |= set() if core.settings.iot.ecall else {"ecallIndication"}
        names |= set() if core.settings.iot.fallback else {"fallbackAllowed"}
    # An eUICC before v2.4 ignores what v2.4 added to StoreMetadata.
    supported = "serviceSpecificDataSupport" in core.settings.rsp_capability
    drops = core.defective("drops-service-data") if supported else not core.defective("keeps-undeclared-service-data")
    return names | {"serviceSpecificDataStoredInEuicc"} if drops else names
