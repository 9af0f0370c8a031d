"""A Bound Profile Package on its way into the card (SGP.22 2.5, 5.5)."""
