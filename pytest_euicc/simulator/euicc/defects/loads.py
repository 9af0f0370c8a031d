"""Deviations of the simulated eUICC in sessions, packages and profiles that are loaded."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect

_SERVER_CERTIFICATES = {
    "signature": "a wrong signature",
    "unknown-ci": "a CI that is not known",
    "expired": "an end of validity in the past",
    "not-yet-valid": "a beginning of validity in the future",
    "policy": "no policy of its role",
    "key-usage": "a wrong key usage",
    "curve": "a key on another curve than the two of SGP.22 2.6.7.1",
}

_AUTHENTICATION = (
    Defect("ignores-challenge", "AuthenticateServer does not compare the challenge", "5.7.13"),
    Defect(
        "authenticates-without-challenge", "AuthenticateServer works without an earlier GetEUICCChallenge", "5.7.13"
    ),
    Defect("ignores-server-signature1", "serverSignature1 is not verified", "5.7.13"),
    Defect("authenticates-on-p-256-only", "A certificate on brainpoolP256r1 is unsupportedCurve", "2.6.7.1"),
    Defect("no-session-after-an-error", "After a failed AuthenticateServer none works until a reset", "5.7.13"),
    Defect("accepts-no-oid-dpauth", "CERT.DPauth without the OID of its SM-DP+ is accepted", "4.5.2.1"),
    Defect("unknown-ci-is-an-invalid-certificate", "An unknown CI key is invalidCertificate", "5.7.13"),
    Defect(
        "signs-under-its-first-ci", "A CI without a key of the eUICC is replaced by the first that has one", "5.7.13"
    ),
    Defect("signs-under-the-last-ci", "The eUICC signs under another CI than euiccCiPKIdToBeUsed", "5.7.13"),
    Defect("wants-transaction-id-of-16-octets", "Transaction identifiers shorter than 16 octets are refused", "5.7.13"),
    Defect("echoes-no-server-challenge", "euiccSigned1 has zeros for serverChallenge", "5.7.13"),
    Defect("signs-other-info2", "euiccSigned1 has another EUICCInfo2 than GetEUICCInfo2 gives", "5.7.13"),
    Defect("euicc-signature1-wrong", "euiccSignature1 covers other octets than euiccSigned1", "5.7.13"),
    Defect("drops-matching-id", "euiccSigned1 has no matchingId", "5.7.13"),
    Defect("drops-empty-matching-id", "euiccSigned1 has no matchingId where it was empty", "5.7.13"),
    Defect("echoes-a-matching-id-unasked", "euiccSigned1 has an empty matchingId where there was none", "5.7.13"),
    Defect("drops-late-device-capabilities", "Device capabilities added after v2.1 are not echoed", "5.7.13"),
    Defect("drops-supported-crl-version", "rspCrlSupportedVersion of the device is not echoed", "5.7.13"),
    Defect("refuses-unknown-device-info", "Device info with an extension is undefinedError", "4.2"),
    Defect("drops-unknown-device-info", "Extensions of device info are not echoed", "4.2"),
    Defect("echoes-an-imei-unasked", "Device info without IMEI is echoed with one of zeros", "5.7.13"),
    Defect("signs-under-the-certificate-of-another-eid", "CERT.EUICC names another EID than GetEID", "4.5.2.1"),
)

_PREPARATION = (
    Defect("ignores-smdp-signature2", "smdpSignature2 is not verified", "5.7.5"),
    Defect("takes-signature-over-an-empty-signature1", "smdpSignature2 need not cover euiccSignature1", "5.7.5"),
    Defect("smdp-signature2-need-not-cover-the-flag", "smdpSignature2 need not cover ccRequiredFlag", "5.7.5"),
    Defect("accepts-no-oid-dppb", "CERT.DPpb without the OID of its SM-DP+ is accepted", "5.7.5"),
    Defect("ignores-dppb-oid", "CERT.DPpb of another SM-DP+ is accepted", "5.7.5"),
    Defect("ignores-prepare-transaction-id", "PrepareDownload accepts any transactionId", "5.7.5"),
    Defect(
        "no-session-is-an-invalid-transaction", "Without a session PrepareDownload is invalidTransactionId", "5.7.5"
    ),
    Defect("misses-no-confirmation-code", "A download continues without the hashCc that it requires", "3.1.3.2"),
    Defect("omits-hash-cc", "euiccSigned2 has no hashCc although one was given", "5.7.5"),
    Defect("echoes-another-hash-cc", "euiccSigned2 has zeros for hashCc", "5.7.5"),
    Defect("hash-cc-unasked", "euiccSigned2 has a hashCc although none was given", "5.7.5"),
    Defect("signs-without-smdp-signature2", "euiccSignature2 does not cover smdpSignature2", "5.7.5"),
    Defect("one-time-keys-on-p-256-only", "The one-time key is on P-256 whatever the curve of CERT.DPpb", "2.6.7.1"),
    Defect("always-uses-the-last-key", "The one-time key of the last download is used again unasked", "5.7.5"),
    Defect("refuses-unknown-one-time-keys", "A key that is offered and not kept is undefinedError", "5.7.5"),
    Defect("never-uses-a-key-again", "A one-time key that is offered again is not used again", "5.7.5"),
    Defect("shows-any-key-that-is-offered", "A one-time key is shown because it was offered", "5.7.5"),
    Defect("uses-keys-for-any-server", "A one-time key is used again for another SM-DP+", "5.7.5"),
    Defect("uses-keys-of-installed-profiles", "A one-time key is used again after its profile was installed", "5.7.5"),
)

_CANCELLING = (
    Defect("ignores-cancel-transaction-id", "CancelSession accepts any transactionId", "5.7.14"),
    Defect("keeps-session-after-cancel", "CancelSession leaves the session open", "5.7.14"),
    Defect("cancel-without-session-is-refused", "CancelSession without a session is a status word", "5.7.14"),
    Defect("cannot-cancel-a-prepared-download", "After PrepareDownload CancelSession is undefinedError", "5.7.14"),
    Defect("refuses-cancel-in-a-load", "CancelSession is refused while a package is loaded", "3.1.5"),
    Defect(
        "knows-early-cancel-reasons-only", "metadataMismatch and loadBppExecutionError are undefinedError", "5.7.14"
    ),
    Defect("signs-undefined-cancel-reason", "CancelSession signs undefinedReason whatever was asked", "5.7.14"),
    Defect("signs-end-user-rejection-always", "CancelSession signs endUserRejection whatever was asked", "5.7.14"),
    Defect("postponed-is-timeout", "CancelSession signs timeout for postponed", "5.7.14"),
    Defect("timeout-is-postponed", "CancelSession signs postponed for timeout", "5.7.14"),
    Defect("ppr-not-allowed-is-undefined", "CancelSession signs undefinedReason for pprNotAllowed", "5.7.14"),
    Defect(
        "undefined-reason-is-end-user-rejection", "CancelSession signs endUserRejection for undefinedReason", "5.7.14"
    ),
    Defect("end-user-rejection-is-undefined", "CancelSession signs undefinedReason for endUserRejection", "5.7.14"),
    Defect("cancels-on-p-256-only", "A session on brainpoolP256r1 cannot be cancelled", "5.7.14"),
    Defect("cancels-for-another-oid", "smdpOid is not that of CERT.DPauth", "5.7.14"),
    Defect("cancel-signature-wrong", "euiccCancelSessionSignature covers other octets", "5.7.14"),
)

_SECURE_CHANNEL = (
    Defect("ignores-smdp-sign", "smdpSign of InitialiseSecureChannel is not verified", "5.5.1"),
    Defect("takes-smdp-sign-of-dpauth", "smdpSign may be by the key of CERT.DPauth", "5.5.1"),
    Defect("ignores-isc-transaction", "InitialiseSecureChannel accepts any transactionId", "5.5.1"),
    Defect("ignores-remote-operation", "InitialiseSecureChannel accepts any remoteOpId", "5.5.1"),
    Defect("ignores-key-type", "The key type of InitialiseSecureChannel is not checked", "5.5.1"),
    Defect("ignores-key-length", "The key length of InitialiseSecureChannel is not checked", "5.5.1"),
    Defect("wants-host-id-of-16-octets", "A hostId of other than 16 octets is unsupportedCrtValues", "5.5.1"),
    Defect("secure-channels-on-p-256-only", "On brainpoolP256r1 no secure channel is opened", "2.6.7.1"),
    Defect("accepts-any-point", "smdpOtpk need not be a point of the curve", "2.6.7.3"),
    Defect("starts-secure-channel-again", "InitialiseSecureChannel is accepted again inside a package", "2.5.4"),
    Defect("refuses-host-ids-of-one-octet", "A hostId of one octet is unsupportedCrtValues", "5.5.1"),
    Defect("takes-smdp-sign-over-an-empty-key", "smdpSign need not cover the eUICC's one-time key", "5.5.1"),
    Defect("binds-to-no-eid", "The session keys do not depend on the EID", "2.6.4.2"),
    Defect("answers-segments", "Segments before the last are answered with data", "5.7.6"),
)

_CONFIGURE_ISDP = (
    Defect("configure-isdp-wants-data", "ConfigureISDP without proprietary data is refused", "5.5.2"),
    Defect("drops-proprietary-data", "dpProprietaryData is not kept", "5.5.2"),
    Defect("accepts-long-proprietary-data", "dpProprietaryData over 128 octets is accepted", "5.5.2"),
    Defect("counts-proprietary-data-twice", "dpProprietaryData of 128 octets is refused", "5.5.2"),
    Defect("dp-oid-is-that-of-the-certificate", "A dpOid below the SM-DP+'s is refused", "5.5.2"),
    Defect("other-dp-oid-is-a-security-error", "A dpOid of another tree is scp03tSecurityError", "2.5.6"),
    Defect("ignores-mac-of-configureISDP", "The MAC of ConfigureISDP is not verified", "2.6.4"),
    Defect("takes-segments-under-any-tag", "A segment 87 is accepted under another tag", "2.5.4"),
    Defect("configures-by-any-request", "Any protected request is accepted as ConfigureISDP", "5.5.2"),
)

_STORE_METADATA = (
    Defect("wants-notification-addresses", "Metadata without notification addresses are refused", "5.5.3"),
    Defect("class-is-provisioning-by-default", "A profile without a class is a provisioning profile", "5.5.3"),
    Defect("takes-one-88-only", "Metadata in more than one 88 are refused", "2.5.4"),
    Defect("icons-of-1000-octets", "Icons are cut to 1000 octets", "5.5.3"),
    Defect("icon-type-is-jpg", "Every icon is said to be a JPG", "5.5.3"),
    Defect("png-icons-only", "A JPG icon is not kept", "5.5.3"),
    Defect("names-in-one-octet-characters", "Names lose characters of more than one octet", "5.5.3"),
    Defect("takes-cut-metadata", "Truncated metadata are accepted", "5.5.3"),
    Defect("cuts-long-names", "Names that are too long are cut", "5.5.3"),
    Defect("accepts-same-iccid", "A second profile with an installed ICCID is accepted", "5.5.3"),
    Defect("allows-no-ppr1", "PPR1 is refused although the RAT allows it", "2.9.3.1"),
    Defect("drops-rules-of-the-profile", "Profile Policy Rules are not kept", "5.5.3"),
    Defect("ignores-rat", "A profile with a rule that the RAT does not allow is accepted", "2.9.3.1"),
    Defect("ignores-forbidden-rules", "A rule of forbiddenProfilePolicyRules is accepted", "5.7.8"),
    Defect("takes-rules-without-owner", "Profile Policy Rules without a profile owner are accepted", "2.9.3.1"),
    Defect("refuses-test-profiles", "A test profile is refused although they are supported", "5.5.3"),
    Defect("takes-test-profiles-without-support", "A test profile is taken although they are not supported", "5.5.3"),
    Defect("two-addresses-at-most", "The third notification address is lost", "3.5"),
    Defect("drops-gids", "gid1 and gid2 of the profile owner are not kept", "5.5.3"),
    Defect("ignores-mac-of-storeMetadata", "The MAC of an 88 is not verified", "2.6.4"),
    Defect("refuses-unknown-metadata", "Metadata with an element that is not known are refused", "5.5.3"),
    Defect("drops-service-data", "serviceSpecificDataStoredInEuicc is not kept", "5.5.3"),
    Defect("stores-what-is-not-to-be-stored", "serviceSpecificDataNotStoredInEuicc is kept", "5.5.3"),
)

_REPLACE_SESSION_KEYS = (
    Defect("knows-no-replacement-keys", "A second 87 is refused", "5.5.4"),
    Defect("keeps-old-session-keys", "ReplaceSessionKeys has no effect", "5.5.4"),
    Defect("cuts-long-keys", "Session keys that are too long are cut", "5.5.4"),
    Defect("fills-up-chaining-values", "A chaining value that is too short is filled up", "5.5.4"),
    Defect("takes-elements-under-old-keys", "After ReplaceSessionKeys the earlier keys are still accepted", "5.5.4"),
    Defect("ignores-mac-of-replaceSessionKeys", "The MAC of ReplaceSessionKeys is not verified", "2.6.4"),
)

_LOAD_PROFILE_ELEMENTS = (
    Defect("refuses-full-segments", "A segment of 1020 octets, as long as it may be, is refused", "2.5.3"),
    Defect("counts-15-segments", "The sixteenth segment of a profile is refused", "2.6.4"),
    Defect("falls-silent-at-long-segments", "After a segment over 1020 octets the load is never answered", "5.7.6"),
    Defect("ignores-mac-of-first-segment", "The MAC of the first 86 is not verified", "2.6.4"),
    Defect("ignores-mac-of-middle-segment", "The MAC of an 86 between the first and the last is not verified", "2.6.4"),
    Defect("ignores-mac-of-last-segment", "The MAC of the last 86 is not verified", "2.6.4"),
    Defect("ignores-padding", "Padding is not checked", "2.6.4"),
    Defect("puts-segments-in-order", "Segments in another order are accepted", "2.6.4"),
    Defect("passes-over-repeated-segments", "A repeated segment is accepted", "2.6.4"),
    Defect("compares-iccid-of-the-header", "The ICCID of ProfileHeader has to be that of the metadata", "5.5.5"),
    Defect("trusts-the-header", "EF ICCID need not be the ICCID of the metadata if it is that of the header", "5.5.5"),
    Defect("ignores-ef-iccid-of-the-profile", "EF ICCID need not be the ICCID of the metadata", "5.5.5"),
    Defect("ignores-imsi-of-the-profile", "EF IMSI need not be of the network of the profile owner", "5.5.5"),
    Defect("ignores-gid1-of-the-profile", "EF GID1 need not be the gid1 of the profile owner", "5.5.5"),
    Defect("takes-any-key-in-test-profiles", "A test profile may have keys of a real network", "2.4.5.3"),
    Defect("passes-over-mandatory-elements", "An unknown element is ignored although it is mandatory", "TCA IFS 8.1"),
    Defect("refuses-unknown-elements", "An unknown element is refused although it is not mandatory", "TCA IFS 8.1"),
    Defect("installs-without-end", "A package without PE-End is installed", "TCA IFS 8.2"),
    Defect("needs-no-header", "A package without header is installed", "TCA IFS 8.2"),
    Defect("installs-in-spite-of-an-error", "A package with an error is installed if it is complete", "5.7.6"),
    Defect("installs-beyond-the-memory", "A profile larger than the free memory is installed", "5.5.5"),
    Defect("memory-fault-is-unknown", "Too little memory is installFailedDueToUnknownError", "2.5.6"),
    Defect("keeps-half-a-profile", "A load that a reset ended leaves a profile", "3.1.3"),
    Defect("no-download-after-an-interruption", "After a load that a reset ended no session can be opened", "3.1.3"),
    Defect("falls-silent-at-cut-segments", "After a chain that ends in a segment the load is never answered", "5.7.6"),
    Defect(
        "falls-silent-at-what-is-out-of-order",
        "After a part that is not the expected one the load is never answered",
        "5.7.6",
    ),
    Defect("loads-nothing-after-a-confirmation-code", "After a confirmation code the package is refused", "5.7.6"),
    Defect("load-goes-silent-in-between", "After another command in a load the load is never answered", "5.7.6"),
    Defect("response-without-identification", "EUICCResponse does not say which element failed", "TCA IFS 9.4"),
)

_RESULT = (
    Defect("unknown-segment-ends-the-load", "A segment under a tag that no package has ends the load", "3.1.5"),
    Defect("load-without-session-is-ok", "A package without a session is answered with 9000", "5.7.6"),
    Defect("result-names-the-first-command", "An error result always names InitialiseSecureChannel", "2.5.6"),
    Defect("structure-and-security-mixed-up", "scp03tStructureError and scp03tSecurityError are mixed up", "2.5.6"),
    Defect("result-of-no-transaction", "The result has zeros for transactionId", "2.5.6"),
    Defect("result-without-address", "The result has an empty notificationAddress", "3.5"),
    Defect("result-without-iccid", "The result of a profile that was installed has no ICCID", "2.5.6"),
    Defect("result-names-another-oid", "smdpOid of the result is not that of CERT.DPpb", "2.5.6"),
    Defect("success-without-euicc-response", "The result of a success has no EUICCResponse", "2.5.6"),
    Defect("result-signature-wrong", "euiccSignPIR covers other octets", "2.5.6"),
    Defect("reports-without-installing", "A success is reported and nothing installed", "5.7.6"),
    Defect("installs-enabled", "A profile is enabled when it is installed", "5.7.6"),
    Defect("keeps-no-success-result", "The result of a successful load is not kept", "3.5"),
    Defect("keeps-no-error-result", "The result of a failed load is not kept", "3.5"),
    Defect("failed-load-gives-number-back", "The number of an error result is used again", "3.5"),
    Defect("session-survives-the-load", "After a load its session can be used again", "5.7.6"),
)

OF_DOWNLOADS = (
    *_AUTHENTICATION,
    *(
        Defect(f"accepts-{kind}-{role}", f"CERT.{name} with {what} is accepted", "4.5.2.2")
        for role, name in (("dpauth", "DPauth"), ("dppb", "DPpb"))
        for kind, what in _SERVER_CERTIFICATES.items()
    ),
    *_PREPARATION,
    *_CANCELLING,
    *_SECURE_CHANNEL,
    *_CONFIGURE_ISDP,
    *_STORE_METADATA,
    *_REPLACE_SESSION_KEYS,
    *_LOAD_PROFILE_ELEMENTS,
    *_RESULT,
)
