"""Named deviations of the simulated LPA up to AuthenticateClient: activation codes, authentication, HTTP."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect

OF_SESSIONS = (
    Defect("cuts-long-codes", "An activation code of more than 255 characters is cut", "4.1"),
    Defect("takes-any-format", "The format of an activation code is not looked at", "4.1"),
    Defect("default-address-for-none", "The default SM-DP+ stands for an empty address", "4.1"),
    Defect("takes-part-of-address", "Scheme, path and user are left out of what is no host name", "4.1"),
    Defect("folds-matching-id", "A matchingId in small letters is sent in capitals", "4.1.1"),
    Defect("cuts-matching-id", "A matchingId is cut to six characters", "4.1.1"),
    Defect("takes-flag-for-oid", "Behind an empty OID the flag is taken for the OID", "4.1"),
    Defect("ignores-oid", "The OID of the activation code is not compared", "3.1.2"),
    Defect("compares-beginnings-of-oid", "OIDs are compared by their beginnings alone", "3.1.2"),
    Defect("omits-matching-id", "matchingId is left out of ctxParams1", "3.1.3"),
    Defect("ignores-server-address", "serverAddress in serverSigned1 is not compared", "3.1.2"),
    Defect("compares-address-by-case", "serverAddress in other letters is refused", "3.1.2"),
    Defect("reuses-challenge", "A later session sends the challenge of an earlier one", "3.1.2"),
    Defect("asks-challenge-again", "A new challenge is asked for once the server has answered", "3.1.2"),
    Defect("re-encodes-info1", "Unknown elements of EUICCInfo1 are not passed on", "5.6.1"),
    Defect("re-encodes-server-parts", "Unknown elements of what the server signed are not passed on", "5.7.13"),
    Defect("swaps-signature-and-ci", "AuthenticateServer has euiccCiPKIdToBeUsed before the signature", "5.7.13"),
    Defect("re-encodes-answers-of-card", "Unknown elements of what the card signed are not passed on", "5.6.3"),
    Defect("asks-for-address-in-capitals", "smdpAddress is not that of the activation code", "5.6.1"),
    Defect("tells-eid", "InitiateAuthentication tells the EID", "3.1.2"),
    Defect("tac-of-another-imei", "tac is not the beginning of the IMEI", "4.2"),
    Defect("cancels-without-session", "A session that was never opened is cancelled at the server", "5.6.5"),
    Defect("tries-refused-session-again", "AuthenticateClient is sent again once it was refused", "3.1.3"),
    Defect("reuses-transaction-id", "A later session sends the transactionId of an earlier one", "5.6.3"),
    Defect("tells-success", "A download that failed is told as a success", "3.1.3"),
    Defect("no-admin-protocol", "Requests have no X-Admin-Protocol", "6.2"),
    Defect("other-content-type", "Requests have another Content-Type than application/json", "6.5.1"),
    Defect("url-safe-base64", "Base64 has the alphabet for URLs", "6.5.2"),
    Defect("transaction-in-path", "The path of a request tells the transactionId", "6.5.1"),
    Defect("ignores-http-status", "Answers are taken whatever the status of HTTP", "6.5.1"),
    Defect("ignores-execution-status", "The status of a function is not looked at", "6.5.1.4"),
    Defect("refuses-unknown-members", "A member that is not known makes an answer unusable", "6.5.1"),
    Defect("trusts-any-certificate", "The certificate of a server is not verified", "2.6.6"),
    Defect("offers-any-suite", "Suites without encryption or authentication are offered", "2.6.6"),
    Defect("goes-on-without-tls", "Where TLS fails the request is sent in the clear", "2.6.6"),
    Defect("offers-tls-1.1", "TLS 1.1 is offered and taken", "2.6.6"),
)
