"""A simulated SM-DS: events that an LPA retrieves over ES11 (SGP.22 3.6)."""
