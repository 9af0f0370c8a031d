"""Simulated peers: the eUICC, and the SM-DP+ it downloads from."""
