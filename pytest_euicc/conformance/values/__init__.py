"""Decoded values: their shapes, how they are resolved, matched and tampered with."""
