"""Fixtures that more than one file of tests uses."""

import os
import tempfile

from hypothesis import settings

from tests.support.pcscd import pcscd

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Journals of the cards of these tests are nobody's.
_STATE = tempfile.TemporaryDirectory(prefix="pytest-euicc-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name

__all__ = ["pcscd"]
