"""Permitted variants of the simulated IoT eUICC: what SGP.32 allows or leaves open."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant

VARIANTS = (
    Variant(
        "iot-address-by-eims-alone",
        "While an eIM is associated SetDefaultDpAddress of the IPA is answered with undefinedError",
        "left open by SGP.32 5.9.25",
    ),
    Variant(
        "iot-configuration-with-unknown-element",
        "GetEimConfigurationData has an unknown element",
        "left open by SGP.32 2.1.3",
    ),
    Variant(
        "iot-result-with-unknown-element",
        "The signed data of a package result have an unknown element",
        "left open by SGP.32 2.1.3",
    ),
    Variant(
        "iot-empty-update-is-ok",
        "updateEim without anything to update is answered with ok",
        "left open by SGP.32 3.5.1",
    ),
    Variant(
        "iot-fallback-not-for-enabled",
        "The enabled profile does not get the fallback attribute",
        "left open by SGP.32 3.4.6",
    ),
    Variant(
        "iot-flag-alone-forgets-server",
        "immediateEnableFlag alone makes the default SM-DP+ address count",
        "left open by SGP.32 3.4.4",
    ),
    Variant(
        "iot-long-address-is-undefined",
        "An address of more than 128 characters is answered with undefinedError",
        "left open by SGP.32 5.9.25",
    ),
    Variant(
        "iot-no-empty-tag-list",
        "GetProfilesInfo with an empty tag list is answered with incorrectInputValues",
        "left open by SGP.32 5.9.14",
    ),
    Variant(
        "iot-odd-encodings-are-refused",
        "A package that is not canonical DER is refused with a status word",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-pending-refresh-refuses-packages",
        "Until the REFRESH is performed packages are refused with a status word",
        "left open by SGP.32 3.3.1",
    ),
    Variant("iot-ppr1-stops-emergency", "The emergency profile is not enabled over PPR1", "left open by SGP.32 5.9.22"),
    Variant("iot-ppr1-stops-fallback", "The fallback is not executed over PPR1", "left open by SGP.32 5.9.20"),
    Variant(
        "iot-refused-package-ends-rollback",
        "A package that is refused ends the grant of a rollback",
        "left open by SGP.32 5.9.16",
    ),
    Variant(
        "iot-removed-result-ends-rollback",
        "Removing the result of a package ends its grant of a rollback",
        "left open by SGP.32 5.9.16",
    ),
    Variant(
        "iot-retrieving-ends-session",
        "RetrieveNotificationsList ends the session that ImmediateEnable needs",
        "left open by SGP.32 5.9.15",
    ),
    Variant(
        "iot-rollback-flag-under-81",
        "rollbackFlag is also taken as 81 00",
        "met in the field; left open by SGP.32 2.1.3",
    ),
    Variant(
        "iot-test-profile-leaves-none",
        "Disabling a test profile by a package leaves no profile enabled",
        "left open by SGP.32 3.4.2",
    ),
    Variant(
        "completes-after-power-loss",
        "A command in which the power went is carried out to its end at the next start",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-absent-emergency-is-refused",
        "Without the emergency profile its functions are refused with a status word",
        "left open by SGP.32 5.9.22",
    ),
    Variant(
        "iot-absent-fallback-is-refused",
        "Without the fallback mechanism its functions are refused with a status word",
        "left open by SGP.32 5.9.20",
    ),
    Variant(
        "iot-absent-functions-are-undefined",
        "Operations for options that are not there are answered with undefinedError",
        "left open by SGP.32 2.11.2.1",
    ),
    Variant(
        "iot-absent-immediate-is-refused",
        "Without immediate enabling its functions are refused with a status word",
        "left open by SGP.32 5.9.15",
    ),
    Variant(
        "iot-eims-are-deleted-last",
        "deleteEim takes effect once the result of its package is signed",
        "left open by SGP.32 3.5.1",
    ),
    Variant(
        "iot-empty-association-is-ok",
        "AddInitialEim without a configuration is answered by an empty list",
        "left open by SGP.32 5.9.4",
    ),
    Variant(
        "iot-empty-package-is-an-error",
        "A package with an empty list is answered with undefinedError",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-empty-package-is-damaged",
        "A package with an empty list is answered with unknownOrDamagedCommand",
        "left open by SGP.32 5.9.1",
        excludes=frozenset({"iot-empty-package-is-an-error"}),
    ),
    Variant(
        "iot-end-of-emergency-notifies",
        "Disabling the emergency profile makes the notifications that are configured",
        "left open by SGP.32 5.9.23",
    ),
    Variant("iot-errors-take-numbers", "A signed error uses a sequence number up", "left open by SGP.32 2.11.2.1"),
    Variant(
        "iot-expired-certificates-are-refused",
        "AddInitialEim refuses a certificate whose validity period is over",
        "left open by SGP.32 5.9.4",
    ),
    Variant(
        "iot-failure-is-followed-by-termination",
        "A failed operation is followed by processingTerminated",
        "left open by SGP.32 5.9.1",
    ),
    Variant("iot-first-token-is-high", "Association tokens start at 1000", "SGP.32 2.11.1.1.1"),
    Variant(
        "iot-ipae-activation-is-refused",
        "IpaeActivation without an IPAe is refused with a status word",
        "left open by SGP.32 3.8.4",
    ),
    Variant(
        "iot-large-package-is-refused",
        "A package beyond the declared size is refused with a status word",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-lists-eims-backwards",
        "GetEimConfigurationData returns the eIM that was added last first",
        "left open by SGP.32 5.9.18",
    ),
    Variant(
        "iot-lists-every-type", "listEim also returns the type of a proprietary eimId", "left open by SGP.32 2.11.2.1"
    ),
    Variant(
        "iot-long-tag-list-is-refused",
        "A tag list of more than 64 bytes is answered with incorrectInputValues",
        "left open by SGP.32 5.9.14",
    ),
    Variant(
        "iot-long-transaction-is-signed-error",
        "A transaction beyond 16 bytes is answered by the signed undefinedError",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-lower-counter-is-command-error",
        "updateEim with a lower counter is answered with commandError",
        "left open by SGP.32 3.5.1",
    ),
    Variant(
        "iot-lpad-gets-undefined",
        "Functions for an LPAd that is not served are answered with undefinedError",
        "left open by SGP.32 5.9",
    ),
    Variant(
        "iot-nameless-deletion-is-damaged",
        "deleteEim without eimId is answered with unknownOrDamagedCommand",
        "left open by SGP.32 2.11.2.1",
    ),
    Variant(
        "iot-negative-counter-is-out-of-range",
        "A negative counter is answered with counterValueOutOfRange",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-no-disable-behind-enable",
        "A disable after an enable is answered with undefinedError",
        "left open by SGP.32 2.11.1.1",
    ),
    Variant(
        "iot-no-eims-is-an-error",
        "listEim without an eIM is answered with undefinedError",
        "left open by SGP.32 2.11.2.1",
    ),
    Variant(
        "iot-no-list-before-refresh",
        "GetProfilesInfo is answered with profileChangeOngoing until the REFRESH is performed",
        "SGP.32 5.9.14",
    ),
    Variant(
        "iot-no-results-is-no-notification",
        "Without package results an empty list of notifications is given",
        "left open by SGP.32 5.9.11",
    ),
    Variant("iot-no-whole-certificates", "A whole certificate inside its tag is refused", "SGP.32 2.11.1.1.1"),
    Variant("iot-numbers-with-gaps", "Sequence numbers of package results leave gaps", "SGP.32 2.11.2.1"),
    Variant(
        "iot-odd-address-is-undefined",
        "An address that is not UTF-8 is answered with undefinedError",
        "left open by SGP.32 5.9.25",
    ),
    Variant(
        "iot-odd-enable-is-undefined",
        "An enable without a right ICCID is answered with undefinedError",
        "left open by SGP.32 2.11.2.1",
    ),
    Variant(
        "iot-odd-packages-are-damaged",
        "A package without one list is answered with unknownOrDamagedCommand",
        "left open by SGP.32 5.9.1",
        excludes=frozenset({"iot-odd-packages-get-no-signature"}),
    ),
    Variant(
        "iot-odd-packages-get-no-signature",
        "A package without one list is answered by an unsigned error",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-odd-signature-is-refused",
        "A signature of another length is refused with a status word",
        "left open by SGP.32 5.9.1",
    ),
    Variant(
        "iot-other-server-is-no-session",
        "Immediate enabling for another SM-DP+ is answered with noSessionContext",
        "left open by SGP.32 5.9.15",
    ),
    Variant(
        "iot-ppr1-makes-immediate-unavailable",
        "Immediate enabling over PPR1 is answered with immediateEnableNotAvailable",
        "left open by SGP.32 5.9.15",
    ),
    Variant(
        "iot-profiles-are-deleted-last",
        "delete marks a profile, which is deleted once the result of its package is signed",
        "SGP.32 3.4.3",
    ),
    Variant("iot-refresh-resets-uicc", "REFRESH asks for a UICC reset", "SGP.32 3.3.1"),
    Variant(
        "iot-reset-of-eims-drops-results",
        "A reset of eIMs removes the package results that are kept",
        "left open by SGP.32 5.9.5",
    ),
    Variant("iot-reset-of-eims-is-ok", "A reset of eIMs alone has the resetResult ok", "left open by SGP.32 5.9.5"),
    Variant(
        "iot-rollback-notifies", "A rollback makes the notifications that are configured", "left open by SGP.32 5.9.16"
    ),
    Variant(
        "iot-room-for-two-eims",
        "There is room for two eIMs, which is checked before the rest of a configuration",
        "left open by SGP.32 3.5.1",
    ),
    Variant(
        "iot-second-disable-by-state",
        "A second disable is answered with profileNotInEnabledState",
        "left open by SGP.32 2.11.1.1",
    ),
    Variant(
        "iot-second-immediate-is-undefined",
        "A second ImmediateEnable is answered with undefinedError",
        "left open by SGP.32 5.9.15",
    ),
    Variant(
        "iot-second-list-is-ignored",
        "Of two lists in one package the second is ignored as an unknown element",
        "SGP.32 2.1.3",
    ),
    Variant("iot-shows-counters", "GetEimConfigurationData shows the counters", "left open by SGP.32 5.9.18"),
    Variant("iot-takes-bare-criteria", "Search criteria without their A0 are taken", "left open by SGP.32 5.9.11"),
    Variant(
        "iot-template-in-a5", "The template E1 stands in the proprietary part of the FCI", "left open by SGP.32 3.8.4"
    ),
    Variant("iot-tokens-with-gaps", "Association tokens leave gaps", "SGP.32 2.11.1.1.1"),
    Variant(
        "iot-undefined-for-odd-associations",
        "AddInitialEim returns undefinedError for an empty list and an unknown curve",
        "left open by SGP.32 5.9.4",
        excludes=frozenset({"iot-empty-association-is-ok"}),
    ),
    Variant(
        "iot-unknown-criteria-are-ignored",
        "Search criteria of RetrieveNotificationsList without their A0 are ignored as an unknown element",
        "SGP.32 2.1.3",
    ),
    Variant(
        "iot-unknown-eim-is-refused",
        "GetEimConfigurationData of an unknown eIM is refused with a status word",
        "left open by SGP.32 5.9.18",
    ),
    Variant(
        "iot-unknown-elements-are-refused", "A package with unknown elements is refused", "left open by SGP.32 2.1.3"
    ),
    Variant(
        "iot-unknown-elements-end-processing",
        "An operation with unknown elements is answered with unknownOrDamagedCommand",
        "left open by SGP.32 2.1.3",
    ),
    Variant(
        "iot-unknown-number-is-no-result",
        "For a sequence number that is not in the list an empty list of package results is returned",
        "left open by SGP.32 5.9.11",
    ),
    Variant("iot-unsigned-error-of-later-version", "An unsigned error has the element 15 of v1.3", "SGP.32 2.11.2.1"),
    Variant(
        "iot-unused-metadata-is-not-kept",
        "Elements of the metadata for a mechanism that is not there are not kept",
        "left open by SGP.32 5.9.14",
    ),
    Variant("iot-whole-certificates", "GetCerts has the whole certificates inside their tags", "SGP.32 5.9.10"),
)
"""Every variant."""
