"""Clients of an SM-DP+: ES9+ for an LPA, ES2+ for an operator."""
