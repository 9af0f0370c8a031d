"""A suite of three sequences: pass, fail, inconclusive."""

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
  - {id: "O3", title: Lost, given: [{profile: {class: provisioning, ppr: [ppr2], as: p}}], steps: [es10c.get_eid]}
"""
SUITE = """
import pytest
pytestmark = pytest.mark.euicc_vectors("own")
def test_sequence(sequence):
    sequence.run()
"""
