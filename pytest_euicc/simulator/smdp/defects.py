"""Named deviations of the simulated SM-DP+. Each is one sentence and the clause it violates.

A server without defects reads none of this.
"""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect, registry

DEFECTS = registry(
    Defect("accepts-any-address", "InitiateAuthentication takes another server's address", "5.6.1"),
    Defect("ignores-svn", "InitiateAuthentication takes any specification version", "5.6.1"),
    Defect("reuses-transaction-id", "Sessions of one eUICC info get the same transactionId", "5.6.1"),
    Defect("reuses-server-challenge", "Every session has the same serverChallenge", "5.6.1"),
    Defect("wrong-server-signature1", "serverSignature1 covers other octets", "5.6.1"),
    Defect("ignores-euicc-signature1", "euiccSignature1 is not verified", "5.6.3"),
    Defect("ignores-server-challenge", "AuthenticateClient does not compare the serverChallenge", "5.6.3"),
    Defect("accepts-expired-eum", "An expired CERT.EUM is taken", "5.6.3"),
    Defect("accepts-expired-euicc", "An expired CERT.EUICC is taken", "5.6.3"),
    Defect("ignores-eid-binding", "A profile for another EID is handed out", "5.6.3"),
    Defect("ignores-release", "A profile that is not released is handed out", "5.6.3"),
    Defect("ignores-eligibility", "Eligibility is not checked", "5.6.3"),
    Defect("ignores-expiry", "An expired order is served", "5.6.3"),
    Defect("ignores-tries", "The limit of download attempts is not kept", "5.6.3"),
    Defect("ignores-inner-transaction-id", "transactionId inside the signed part is not compared", "5.6.3"),
    Defect("omits-cc-flag", "ccRequiredFlag is false although a confirmation code is required", "5.6.3"),
    Defect("signs-without-euicc-signature1", "smdpSignature2 does not cover euiccSignature1", "5.6.3"),
    Defect("omits-bpp-euicc-otpk", "A retry offers no bppEuiccOtpk", "5.6.3"),
    Defect("ignores-euicc-signature2", "euiccSignature2 is not verified", "5.6.2"),
    Defect("ignores-confirmation-code", "The hashed confirmation code is not compared", "5.6.2"),
    Defect("unlimited-confirmation-codes", "A confirmation code may be tried without limit", "5.6.2"),
    Defect("long-segments", "Metadata segments are longer than 1020 octets", "2.5.3"),
    Defect("other-metadata", "The package carries other metadata than were announced", "3.1.3"),
    Defect("notification-answers-200", "HandleNotification answers 200 with a body", "6.5.2"),
    Defect("ignores-cancel-signature", "The signature of a cancelled session is not verified", "5.6.5"),
    Defect("ignores-cancel-oid", "smdpOid of a cancelled session is not compared", "5.6.5"),
    Defect("keeps-session-after-cancel", "CancelSession leaves the session open", "5.6.5"),
    Defect("keeps-order-after-rejection", "A profile that the end user rejected is offered again", "5.6.5"),
    Defect("postponed-ends-order", "A postponed profile is not offered again", "5.6.5"),
    Defect("refuses-unknown-fields", "An unknown JSON field makes a function fail", "6.5.2"),
)
"""Every defect by its name."""
