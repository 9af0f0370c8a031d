"""Interfaces that have a suite of their own."""

from __future__ import annotations

SUITES = ("card", "ES6", "ES10a", "ES10b", "ES10c", "ES8+", "ES9+", "procedures")
