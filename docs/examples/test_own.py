"""Tests in Python with the fixtures of the plugin: `pytest test_own.py`, on a real card with `--euicc`."""

from __future__ import annotations

from pytest_euicc.api import Isdr, OrderWish
from pytest_euicc.conformance.engine.smdp import SmdpAccess
from pytest_euicc.lpa import Lpa


def test_a_nickname_is_kept(isdr: Isdr) -> None:
    _, profiles = isdr.get_profiles_info()
    iccid = profiles[0]["iccid"]
    assert isdr.set_nickname(iccid, "Bench 7") == 0
    _, (profile,) = isdr.get_profiles_info({"searchCriteria": ("iccid", iccid)})
    assert profile["profileNickname"] == "Bench 7"


def test_a_downloaded_profile_is_disabled(lpa: Lpa, smdp: SmdpAccess, isdr: Isdr) -> None:
    order = smdp.offer(OrderWish())
    installed = lpa.download(f"1${smdp.address}${order.matching_id}")
    _, (profile,) = isdr.get_profiles_info({"searchCriteria": ("iccid", installed.iccid)})
    assert profile["profileState"] == 0
