"""One sequence on one implementation under test: states, steps, verdict, restoring."""
