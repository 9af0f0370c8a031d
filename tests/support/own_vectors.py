"""A suite of three sequences: pass, fail, inconclusive; and a conftest that kills the process in the second one."""

from __future__ import annotations

VECTOR = """
case: TC_Own
title: Own vectors
iut: euicc
interface: own
origin: own
clauses: {sgp22: ["5.7.20"]}
sequences:
  - {id: "O1", title: Right, given: [isdr_selected], steps: [es10c.get_eid]}
  - {id: "O2", title: Wrong, given: [isdr_selected], steps: [{es10c.get_eid: {expect: {eidValue: {octets: 15}}}}]}
  - {id: "O3", title: Lost, given: [{profile: {class: provisioning, icon: true, as: p}}], steps: [es10c.get_eid]}
"""
SUITE = """
import pytest
pytestmark = pytest.mark.euicc_vectors("own")
def test_sequence(sequence):
    sequence.run()
"""
KILLED = """
import os, signal
from pytest_euicc.conformance.engine.runner import Runner
run = Runner.run
def killed(self, case, sequence):
    if sequence.id == "O2":
        self.listeners.append(kill)
    return run(self, case, sequence)
def kill(event):
    if type(event).__name__ == "StepStarted":
        os.kill(os.getpid(), signal.SIGKILL)
Runner.run = killed
"""
