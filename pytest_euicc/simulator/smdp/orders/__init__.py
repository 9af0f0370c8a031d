"""Profiles and their download orders (SGP.22 3.1)."""
