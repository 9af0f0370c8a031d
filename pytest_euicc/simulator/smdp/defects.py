"""Named deviations of the simulated SM-DP+. Each is one sentence and the clause it violates.

A server without defects reads none of this.
"""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect, registry

TLS_DEFECTS = registry(
    Defect("accepts-tls-1.1", "The listener takes TLS 1.1 and suites of its time", "2.6.6"),
    Defect("accepts-rsa-key-transport", "The listener takes suites without forward secrecy", "2.6.6"),
    Defect("no-tls-1.3", "The listener ends at TLS 1.2", "2.6.6"),
    Defect("no-gcm-suite", "The listener takes CBC suites only, up to TLS 1.2", "2.6.6"),
    Defect("tls-certificate-expired", "CERT.DP.TLS has expired", "4.5.2.2"),
    Defect("tls-certificate-not-yet-valid", "CERT.DP.TLS is not valid yet", "4.5.2.2"),
    Defect("tls-certificate-bad-signature", "The signature of CERT.DP.TLS does not hold", "4.5.2.2"),
    Defect("tls-certificate-unknown-ci", "CERT.DP.TLS is under a CI that no eUICC knows", "4.5.2.2"),
    Defect("tls-certificate-wrong-name", "CERT.DP.TLS is for another host", "2.6.6"),
    Defect("tls-certificate-no-oid", "CERT.DP.TLS does not name the SM-DP+ OID", "4.5.2.1"),
    Defect("tls-certificate-wrong-policy", "CERT.DP.TLS has the policy of CERT.DPauth", "4.5.2.1"),
    Defect("tls-certificate-wrong-key-usage", "CERT.DP.TLS may sign certificates only", "4.5.2.1"),
    Defect("tls-certificate-wrong-extended-key-usage", "CERT.DP.TLS is not for servers", "4.5.2.1"),
    Defect("brainpool-listener-on-nist", "The Brainpool listener shows a P-256 certificate", "2.6.5"),
)
"""How the listeners speak TLS: asked for where they start, so that changing one starts them anew."""

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
    *TLS_DEFECTS.values(),
)
"""Every defect by its name."""
