"""Clients of an SM-DP+: ES9+ as an LPA speaks it, ES2+ as an operator does."""
