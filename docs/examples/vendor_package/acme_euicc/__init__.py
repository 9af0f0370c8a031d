"""Acme's own part of the eUICC tests."""
