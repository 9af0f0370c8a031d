"""pytest plugin that proves whether an eUICC and an SM-DP+ conform to GSMA SGP.22."""
