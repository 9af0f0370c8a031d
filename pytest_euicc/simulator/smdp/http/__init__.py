"""HTTPS, the JSON binding and its status (SGP.22 6.5)."""
