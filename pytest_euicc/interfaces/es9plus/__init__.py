"""ES9+ towards an SM-DP+ under test."""
