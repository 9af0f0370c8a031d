"""One run of pytest, from its options to its reports."""
