"""Profile download on the card: ES10b with ES8+."""
