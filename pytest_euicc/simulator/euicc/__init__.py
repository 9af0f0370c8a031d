"""A simulated eUICC: consumer RSP of SGP.22 v2.6 with real keys, certificates and state."""
