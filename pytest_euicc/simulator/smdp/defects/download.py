"""Named deviations of the simulated SM-DP+ from the Bound Profile Package on: packages, notifications, cancelling."""

from __future__ import annotations

from pytest_euicc.rsp.bsp_deviations import DEVIATIONS
from pytest_euicc.simulator.defect import Defect
from pytest_euicc.simulator.smdp.es9plus.misbinding import PROTECTION_PREFIX

_REASONS = {
    "endUserRejection": "the end user rejected",
    "pprNotAllowed": "whose Profile Policy Rules are not allowed",
    "metadataMismatch": "whose metadata changed on the way",
    "loadBppExecutionError": "whose package the eUICC could not load",
    "undefinedReason": "of a session cancelled for an undefined reason",
}

_LASTING = (
    "incorrectInputValues",
    "invalidSignature",
    "invalidTransactionId",
    "unsupportedCrtValues",
    "unsupportedRemoteOperationType",
    "unsupportedProfileClass",
    "scp03tStructureError",
    "scp03tSecurityError",
    "installFailedDueToIccidAlreadyExistsOnEuicc",
    "installFailedDueToPEProcessingError",
    "installFailedDueToDataMismatch",
    "testProfileInstallFailedDueToInvalidNaaKey",
    "pprNotAllowed",
    "installFailedDueToUnknownError",
)
_PASSING = ("installFailedDueToInsufficientMemoryForProfile", "installFailedDueToInterruption")
_UNVERIFIED = {"badly-signed": "whose signature does not hold", "under-unknown-ci": "under a CI that is not known"}
"""Notifications that are acknowledged and dropped."""

OF_DOWNLOADS = (
    # GetBoundProfilePackage
    Defect("ignores-euicc-signature2", "euiccSignature2 is not verified", "5.6.2"),
    Defect(
        "finds-session-by-signed-id",
        "Past AuthenticateClient a session is found by the transactionId that is signed, whatever JSON says",
        "5.6.2",
    ),
    Defect("ignores-confirmation-code", "The hashed confirmation code is not compared", "5.6.2"),
    Defect("takes-missing-code", "A download without the confirmation code that it needs is served", "5.6.2"),
    Defect("unlimited-confirmation-codes", "A confirmation code may be tried without limit", "5.6.2"),
    Defect("forgets-code-on-retry", "A retry needs no confirmation code", "3.1.3"),
    Defect("hashes-code-with-first-id", "hashCc of a retry is computed with the first transactionId", "3.1.3"),
    Defect("binds-again-at-any-rate", "A profile that is bound once is bound to another key as well", "5.6.2"),
    Defect("refuses-same-key", "A retry with the key that was offered is refused", "5.6.2"),
    Defect("breaks-on-download-error", "downloadResponseError is answered with HTTP 500", "6.5.2"),
    # Packages
    *(
        Defect(PROTECTION_PREFIX + name, f"In a package {deviation.sentence}", deviation.clause)
        for name, deviation in DEVIATIONS.items()
    ),
    Defect("long-segments", "Metadata segments are longer than 1020 octets", "2.5.3"),
    Defect("long-profile-segments", "Segments of the profile are longer than 1020 octets", "2.5.3"),
    Defect("metadata-cut-off", "Of long metadata only the first segment is sent", "5.5.3"),
    Defect("other-metadata", "The package carries other metadata than were announced", "3.1.3"),
    Defect("metadata-before-configuration", "StoreMetadata comes before ConfigureISDP", "2.5.3"),
    Defect("keys-before-metadata", "ReplaceSessionKeys comes before StoreMetadata", "2.5.3"),
    Defect("swaps-profile-segments", "The first two segments of the profile change places", "2.5.3"),
    Defect("smdp-sign-by-auth-key", "The key of CERT.DPauth signs InitialiseSecureChannel", "5.5.1"),
    Defect("smdp-sign-over-other-key", "smdpSign does not cover the one-time key of the eUICC", "5.5.1"),
    Defect("announces-long-keys", "The control reference template announces keys of 32 octets", "5.5.1"),
    Defect("announces-other-operation", "remoteOpId is not that of an installation", "5.5.1"),
    Defect("configures-other-oid", "ConfigureISDP names the OID of another SM-DP+", "5.5.2"),
    Defect("session-keys-as-random", "ReplaceSessionKeys replaces the session keys by themselves", "2.5.3"),
    Defect("new-random-keys-on-retry", "A retry sends random keys that the profile is not protected by", "2.5.3"),
    Defect("random-keys-for-all", "Every profile is protected by the same random keys", "2.5.3"),
    Defect("longer-lengths", "Lengths in a package are not in their shortest form", "6.5.2"),
    Defect("keeps-first-binding", "A retry with another key gets the package for the first one", "5.6.2"),
    Defect("keeps-secure-channel", "A retry gets the InitialiseSecureChannel of the first session", "5.5.1"),
    Defect("reuses-one-time-key", "The one-time key of the server serves another binding again", "5.6.2"),
    Defect("one-time-key-for-all", "Every binding has the same one-time key of the server", "5.6.2"),
    Defect("one-time-key-on-p256", "The server's one-time key is on P-256 in every session", "2.6.7.3"),
    # HandleNotification
    Defect("notification-answers-200", "HandleNotification answers 200 with a body", "6.5.2"),
    Defect("ignores-result-signature", "euiccSignPIR is not verified", "5.6.4"),
    Defect("success-leaves-order", "A profile that is installed is offered again", "3.1.3"),
    Defect(
        "loses-results-not-asked-for", "Results are taken of profiles with notifications of installation only", "3.5"
    ),
    Defect("loses-brainpool-results", "Results signed on brainpoolP256r1 are lost", "2.6.7.1"),
    Defect("applies-results-by-iccid", "The result of an unknown transaction is applied to the profile", "5.6.4"),
    Defect("counts-results-twice", "A result that comes again counts as another attempt", "5.6.4"),
    *(
        Defect(f"{reason}-not-acknowledged", f"A result with {reason} is answered with a status code", "5.6.4")
        for reason in (*_LASTING, *_PASSING)
    ),
    *(
        Defect(f"{reason}-ends-order", f"An installation that failed by {reason} is not offered again", "3.1.5")
        for reason in _PASSING
    ),
    Defect("refuses-unknown-results", "The result of an unknown transaction is answered with a status code", "5.6.4"),
    Defect("refuses-unverified-results", "A result that does not verify is answered with a status code", "5.6.4"),
    Defect("breaks-on-unverified-results", "A result that does not verify is answered with HTTP 500", "5.6.4"),
    Defect("lasting-failure-leaves-order", "A profile is offered again after a failure that does not pass", "3.1.3"),
    *(
        Defect(f"{verb}-notifications-{name}", f"A notification {words} is answered {answer}", "5.6.4")
        for name, words in _UNVERIFIED.items()
        for verb, answer in (("breaks-on", "HTTP 500"), ("refuses", "with a status code"))
    ),
    Defect("refuses-other-notifications", "Notifications of enabling and the like are refused", "5.6.4"),
    Defect("refuses-unknown-notifications", "A notification of an unknown profile is refused", "5.6.4"),
    # CancelSession
    Defect("ignores-cancel-signature", "The signature of a cancelled session is not verified", "5.6.5"),
    Defect("ignores-cancel-oid", "smdpOid of a cancelled session is not compared", "5.6.5"),
    Defect("unverified-cancel-ends-order", "CancelSession ends the order before it is verified", "5.6.5"),
    Defect("keeps-session-after-cancel", "CancelSession leaves the session open", "5.6.5"),
    Defect("refuses-cancel-after-package", "No session can be cancelled once its package was handed out", "5.6.5"),
    Defect("refuses-brainpool-cancel", "Signatures on brainpoolP256r1 are not verified", "2.6.7.1"),
    Defect("breaks-on-cancel-error", "cancelSessionResponseError is answered with HTTP 500", "6.5.2"),
    Defect("postponed-ends-order", "A postponed profile is not offered again", "5.6.5"),
    Defect("timeout-ends-order", "A profile is not offered again when the end user took too long", "5.6.5"),
    *(
        Defect(f"keeps-order-after-{reason}", f"A profile {words} is offered again", "5.6.5")
        for reason, words in _REASONS.items()
    ),
)
"""Every one of them."""
