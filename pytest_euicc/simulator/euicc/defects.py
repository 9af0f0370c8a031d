"""Named deviations of the simulated eUICC. Each is one sentence and the clause it violates.

`make prove` will run the sequences against every one of them; a simulator without defects reads none of this.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """One deviation: its name, what the card does wrong, and the clause of SGP.22 that says otherwise."""

    name: str
    sentence: str
    clause: str


_ALL = (
    Defect("accepts-challenge-twice", "A challenge stays good after AuthenticateServer used it", "5.7.13"),
    Defect("ignores-challenge", "AuthenticateServer does not compare the challenge", "5.7.13"),
    Defect("ignores-server-signature1", "serverSignature1 is not verified", "5.7.13"),
    Defect("keeps-challenge-after-error", "A failed AuthenticateServer leaves the session open", "5.7.13"),
    Defect("ignores-smdp-signature2", "smdpSignature2 is not verified", "5.7.5"),
    Defect("ignores-dppb-oid", "CERT.DPpb of another SM-DP+ is taken", "5.7.5"),
    Defect("ignores-prepare-transaction-id", "PrepareDownload takes any transactionId", "5.7.5"),
    Defect("keeps-session-after-prepare-error", "A failed PrepareDownload leaves the session open", "5.7.5"),
    Defect("omits-hash-cc", "euiccSigned2 has no hashCc although one was given", "5.7.5"),
    Defect("signs-without-smdp-signature2", "euiccSignature2 does not cover smdpSignature2", "5.7.5"),
    Defect("ignores-cancel-transaction-id", "CancelSession takes any transactionId", "5.7.14"),
    Defect("keeps-session-after-cancel", "CancelSession leaves the session open", "5.7.14"),
    Defect("ignores-smdp-sign", "smdpSign of InitialiseSecureChannel is not verified", "5.5.1"),
    Defect("ignores-isc-transaction", "InitialiseSecureChannel takes any transactionId", "5.5.1"),
    Defect("ignores-crt", "Key type and key length of InitialiseSecureChannel are not checked", "5.5.1"),
    Defect("ignores-dp-oid", "ConfigureISDP takes a dpOid other than the certificate's", "5.5.2"),
    Defect("accepts-long-proprietary-data", "dpProprietaryData over 128 octets is taken", "5.5.2"),
    Defect("keeps-old-session-keys", "ReplaceSessionKeys has no effect", "5.5.4"),
    Defect("accepts-long-segments", "A segment over 1020 octets is taken", "2.5.3"),
    Defect("accepts-same-iccid", "A second profile with an installed ICCID is taken", "5.5.3"),
    Defect("ignores-rat", "A profile with a rule that the RAT does not allow is taken", "2.9.2.4"),
    Defect("reuses-challenge", "GetEUICCChallenge gives the same octets again", "5.7.7"),
    Defect("short-challenge", "A challenge has 8 octets", "5.7.7"),
    Defect("loses-default-address", "The default SM-DP+ address is lost at reset", "5.7.4"),
    Defect("keeps-default-address", "The empty string does not remove the default SM-DP+ address", "5.7.4"),
    Defect("info1-svn", "EUICCInfo1 names another svn than EUICCInfo2", "5.7.8"),
    Defect("non-minimal-length", "Lengths of answers are not in their shortest form", "2.6.7"),
    Defect("omits-enable-notification", "Enabling a profile makes no notification", "5.7.16"),
    Defect("omits-disable-notification", "Disabling a profile makes no notification", "5.7.17"),
    Defect("omits-delete-notification", "Deleting a profile makes no notification", "5.7.18"),
    Defect("one-notification-only", "Only the first address of an event is notified", "3.5"),
    Defect("reuses-sequence-number", "Sequence numbers start again when the list is empty", "3.5"),
    Defect("loses-notifications", "Pending notifications are lost at reset", "3.5"),
    Defect("removes-when-retrieved", "RetrieveNotificationsList removes what it gives", "5.7.10"),
    Defect("ignores-notification-filter", "Notifications are not filtered by event", "5.7.9"),
    Defect("notification-signature-wrong", "The signature of a notification covers other octets", "5.7.10"),
    Defect("removes-all-notifications", "RemoveNotificationFromList empties the list", "5.7.11"),
    Defect("remove-unknown-is-ok", "Removing an unknown notification answers ok", "5.7.11"),
    Defect("ignores-tag-list", "GetProfilesInfo ignores the tag list", "5.7.15"),
    Defect("always-gives-icon", "GetProfilesInfo gives the icon without being asked", "5.7.15"),
    Defect("ignores-search-criteria", "GetProfilesInfo ignores the search criteria", "5.7.15"),
    Defect("enables-two", "Enabling a profile leaves the other one enabled", "5.7.16"),
    Defect("enable-again-is-ok", "Enabling an enabled profile answers ok", "5.7.16"),
    Defect("enable-unknown-is-undefined", "Enabling an unknown profile answers undefinedError", "5.7.16"),
    Defect("ignores-ppr1", "PPR1 does not keep a profile enabled", "5.7.17"),
    Defect("ignores-ppr2", "PPR2 does not keep a profile installed", "5.7.18"),
    Defect("no-refresh", "refreshFlag brings no REFRESH", "5.7.16"),
    Defect("loses-profile-state", "At reset the enabled profile becomes disabled", "5.7.16"),
    Defect("stale-files", "EF ICCID stays that of the profile before", "5.7.16"),
    Defect("disable-again-is-ok", "Disabling a disabled profile answers ok", "5.7.17"),
    Defect("deletes-enabled", "An enabled profile can be deleted", "5.7.18"),
    Defect("keeps-memory", "Deleting a profile returns no memory", "5.7.18"),
    Defect("delete-drops-notifications", "Deleting a profile drops its pending notifications", "5.7.18"),
    Defect("reset-spares-ppr2", "eUICCMemoryReset spares profiles with PPR2", "5.7.19"),
    Defect("reset-nothing-is-ok", "eUICCMemoryReset answers ok although nothing was there", "5.7.19"),
    Defect("wrong-eid-check-digits", "The EID's check digits are wrong", "5.7.20"),
    Defect("long-nickname", "A nickname of more than 64 octets is taken", "5.7.21"),
    Defect("loses-nickname", "Nicknames are lost at reset", "5.7.21"),
    Defect("nickname-unknown-is-ok", "SetNickname of an unknown ICCID answers ok", "5.7.21"),
    Defect("ignores-block-number", "STORE DATA blocks are taken in any order", "5.7.2"),
    Defect("answers-before-select", "ES10 commands are answered before the ISD-R is selected", "5.7.1"),
    Defect("leaks-block", "A broken STORE DATA chain leaks into the next command", "5.7.2"),
    Defect("keeps-channel-session", "Closing a channel does not end its session", "5.7.1"),
    Defect("atr-without-euicc-functions", "The ATR does not announce eUICC functions", "ETSI TS 102 221 6.3.3"),
    Defect("fcp-without-life-cycle", "FCP templates have no life cycle status", "ETSI TS 102 221 11.1.1.4.9"),
    Defect("fci-without-template", "The FCI of the ISD-R has no template E0", "5.7.1"),
    Defect("unknown-aid-is-ok", "SELECT of an unknown AID answers 9000 and selects nothing", "ISO 7816-4 7.1.1"),
    Defect("failed-select-deselects", "A SELECT that finds nothing ends the selection", "ISO 7816-4 7.1.1"),
    Defect("unknown-function-is-ok", "An unknown ES10 tag is answered 9000 without data", "5.7.2"),
    Defect("malformed-request-is-ok", "A malformed request is answered 9000 without data", "5.7.2"),
    Defect("get-response-is-ok", "GET RESPONSE without anything to get answers 9000", "ISO 7816-4 7.6.1"),
    Defect("loses-full-blocks", "A block of 255 octets is not added to its chain", "5.7.2"),
    Defect("keeps-chain-over-select", "Half a command survives selection and reset", "5.7.2"),
    Defect("one-channel-only", "Only one logical channel beside the basic one can be opened", "ETSI TS 102 221 8.7"),
    Defect("same-channel-again", "MANAGE CHANNEL gives a number that is in use", "ETSI TS 102 221 11.1.17"),
    Defect("close-closes-all", "Closing a channel closes the others as well", "ETSI TS 102 221 11.1.17"),
    Defect("channels-survive-reset", "Channels stay open over a reset", "ETSI TS 102 221 11.1.17"),
    Defect("address-of-channel-1", "The default SM-DP+ address is shown on channel 1 only", "5.7.3"),
    Defect("address-cannot-be-replaced", "A default SM-DP+ address that is set stays", "5.7.4"),
    Defect("malformed-address-clears", "A malformed SetDefaultDpAddress removes the address", "5.7.4"),
    Defect("info-with-private-element", "Info structures hold an element that SGP.22 does not know", "5.7.8"),
    Defect("signing-without-verification", "A CI of the signing list is not in the verification list", "5.7.8"),
    Defect("no-additional-profile", "rspCapability lacks additionalProfile", "5.7.8"),
    Defect("no-accreditation-number", "sasAcreditationNumber is empty", "5.7.8"),
    Defect("other-versions", "EUICCInfo2 names other versions than declared", "5.7.8"),
    Defect("forbids-ppr1", "EUICCInfo2 forbids PPR1 although nothing was declared", "5.7.8"),
    Defect("changes-at-reset", "CI lists, RAT and EID are others after a reset", "5.7.8"),
    Defect("no-test-profile-bit", "rspCapability lacks testProfileSupport and crlSupport", "5.7.8"),
    Defect("rat-without-wildcard", "The RAT lacks its last rule", "5.7.22"),
    Defect("listing-removes", "ListNotification empties the list", "5.7.9"),
    Defect("malformed-removal-removes-all", "A malformed NotificationSent empties the list", "5.7.11"),
    Defect("no-result-is-undefined", "Retrieving what is not there answers undefinedError", "5.7.10"),
    Defect("delete-unknown-is-ok", "Deleting an unknown profile answers ok", "5.7.18"),
    Defect("always-refreshes", "REFRESH is sent without refreshFlag", "5.7.16"),
    Defect("reset-keeps-address", "eUICCMemoryReset leaves the default SM-DP+ address", "5.7.19"),
    Defect("reset-always-clears-address", "eUICCMemoryReset removes the default SM-DP+ address unasked", "5.7.19"),
    Defect("eid-for-any-tag", "GetEID gives the EID whatever the tag list asks for", "5.7.20"),
    Defect("malformed-criteria-list-all", "GetProfilesInfo takes malformed criteria for none", "5.7.15"),
    Defect("wrong-instruction-is-ok", "An unknown instruction is answered 9000", "ISO 7816-4 5.6"),
)

DEFECTS: dict[str, Defect] = {defect.name: defect for defect in _ALL}
"""Every defect by its name."""
