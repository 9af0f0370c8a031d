"""Fixtures that more than one file of tests uses."""

from hypothesis import settings

from tests.support.pcscd import pcscd

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

__all__ = ["pcscd"]
