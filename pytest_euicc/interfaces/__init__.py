"""The vocabulary of vectors: a vector's folder, its action's prefix and the module here are one word.

Named by this package's own entry point in the group ``pytest_euicc.actions``: importing it registers everything.
"""

from pytest_euicc.conformance.engine.kinds import KINDS, BetweenCardAndServers, OnServer
from pytest_euicc.conformance.engine.restore import OnCard
from pytest_euicc.interfaces import common, es6, lpa, operator
from pytest_euicc.interfaces.card import commands, files, starting
from pytest_euicc.interfaces.download import checks as download_checks
from pytest_euicc.interfaces.download import es8plus, es10b, signatures, whole
from pytest_euicc.interfaces.download import states as download_states
from pytest_euicc.interfaces.es9plus import checks, functions, notifications, package, parallel, states, tls
from pytest_euicc.interfaces.es10 import crl
from pytest_euicc.interfaces.es10 import functions as es10_functions
from pytest_euicc.interfaces.es10 import states as es10_states
from pytest_euicc.interfaces.es10b_iot import association, eims, managing, power, profiles, reading
from pytest_euicc.interfaces.es10b_iot import functions as es10b_iot_functions
from pytest_euicc.interfaces.es10b_iot import package as es10b_iot_package
from pytest_euicc.interfaces.lpad import cancelling as lpad_cancelling
from pytest_euicc.interfaces.lpad import cards as lpad_cards
from pytest_euicc.interfaces.lpad import delivery as lpad_delivery
from pytest_euicc.interfaces.lpad import ending as lpad_ending
from pytest_euicc.interfaces.lpad import operations as lpad_operations
from pytest_euicc.interfaces.lpad import outcome as lpad_outcome
from pytest_euicc.interfaces.lpad import record as lpad_record
from pytest_euicc.interfaces.lpad import secrets as lpad_secrets
from pytest_euicc.interfaces.lpad import sessions as lpad_sessions
from pytest_euicc.interfaces.lpad import states as lpad_states

__all__ = [
    "association",
    "checks",
    "commands",
    "common",
    "crl",
    "download_checks",
    "download_states",
    "eims",
    "es6",
    "es8plus",
    "es10_functions",
    "es10_states",
    "es10b",
    "es10b_iot_functions",
    "es10b_iot_package",
    "files",
    "functions",
    "lpa",
    "lpad_cancelling",
    "lpad_cards",
    "lpad_delivery",
    "lpad_ending",
    "lpad_operations",
    "lpad_outcome",
    "lpad_record",
    "lpad_secrets",
    "lpad_sessions",
    "lpad_states",
    "managing",
    "notifications",
    "operator",
    "package",
    "parallel",
    "power",
    "profiles",
    "reading",
    "signatures",
    "starting",
    "states",
    "tls",
    "whole",
]

KINDS.add("euicc", OnCard())
KINDS.add("smdp", OnServer("an SM-DP+"))
KINDS.add("lpa", BetweenCardAndServers())
