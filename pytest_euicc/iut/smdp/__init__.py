"""An SM-DP+ for suites and fixtures: the simulated one, or one at a URL.

Wiring, like the plugin: the conformance layer knows only its protocol ``SmdpAccess``.
"""

from pytest_euicc.iut.smdp.remote import RemoteSmdp
from pytest_euicc.iut.smdp.simulated import SimulatedSmdp

__all__ = ["RemoteSmdp", "SimulatedSmdp"]
