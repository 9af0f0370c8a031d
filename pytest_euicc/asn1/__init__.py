"""ASN.1: modules of SGP.22 and of profile packages, a codec that accounts for every octet, a strict DER check."""
