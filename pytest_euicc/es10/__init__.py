"""The functions an LPA calls on an eUICC (SGP.22 5.7)."""
