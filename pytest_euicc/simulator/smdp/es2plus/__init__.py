"""ES2+ towards the operator (SGP.22 5.3)."""
