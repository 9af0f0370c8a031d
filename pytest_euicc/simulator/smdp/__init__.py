"""A simulated SM-DP+: ES9+ for LPAs, ES2+ for operators, over HTTPS with real certificates."""
