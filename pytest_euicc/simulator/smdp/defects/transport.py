"""Named deviations of the HTTP face of the simulated SM-DP+ and of its TLS listeners (SGP.22 2.6.6, 6.5)."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect, registry

TLS_DEFECTS = registry(
    Defect("accepts-tls-1.1", "The listener accepts TLS 1.1 and suites of its time", "2.6.6"),
    Defect("accepts-rsa-key-transport", "The listener accepts suites without forward secrecy", "2.6.6"),
    Defect("no-tls-1.3", "The listener ends at TLS 1.2", "2.6.6"),
    Defect("no-gcm-suite", "The listener accepts CBC suites only, up to TLS 1.2", "2.6.6"),
    Defect("tls-certificate-expired", "CERT.DP.TLS has expired", "4.5.2.2"),
    Defect("tls-certificate-not-yet-valid", "CERT.DP.TLS is not valid yet", "4.5.2.2"),
    Defect("tls-certificate-bad-signature", "The signature of CERT.DP.TLS does not hold", "4.5.2.2"),
    Defect("tls-certificate-unknown-ci", "CERT.DP.TLS is under a CI that no eUICC knows", "4.5.2.2"),
    Defect("tls-certificate-wrong-name", "CERT.DP.TLS is for another host", "2.6.6"),
    Defect("tls-certificate-no-oid", "CERT.DP.TLS does not name the SM-DP+ OID", "4.5.2.1"),
    Defect("tls-certificate-wrong-policy", "CERT.DP.TLS has the policy of CERT.DPauth", "4.5.2.1"),
    Defect("tls-certificate-wrong-key-usage", "CERT.DP.TLS may sign certificates only", "4.5.2.1"),
    Defect("tls-certificate-wrong-extended-key-usage", "CERT.DP.TLS is not for servers", "4.5.2.1"),
    Defect("brainpool-listener-on-nist", "The Brainpool listener shows a P-256 certificate", "2.6.7.1"),
)
"""How the listeners speak TLS: asked for where they start, so that changing one starts them anew."""

OF_TRANSPORT = (
    Defect("refuses-unknown-fields", "An unknown JSON field makes a function fail", "6.5.2"),
    Defect("echoes-admin-protocol", "Any X-Admin-Protocol is taken, and named in the answer", "6.5.1"),
    Defect("stops-at-invalid-base64", "Base64 behind an invalid character is read as zeros", "6.5.2"),
    Defect("takes-get", "A function can be called by GET", "6.5.1"),
    Defect("takes-any-path", "InitiateAuthentication is called by any path", "6.5.1"),
    Defect("shares-requests", "Simultaneous requests all get the answer to the last one", "3.1.2"),
)
"""What ``http_deviations`` does."""
