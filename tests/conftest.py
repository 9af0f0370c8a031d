"""Fixtures that more than one file of tests uses."""

from pcscd import pcscd

__all__ = ["pcscd"]
