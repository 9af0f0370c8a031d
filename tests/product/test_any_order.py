"""A card that only commands put back: the same verdicts in any order, and the card holds what it held."""

from __future__ import annotations

import random
from functools import cache

import pytest

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Case, Sequence
from pytest_euicc.conformance.reading import loader
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from tests.support.unforgetting import Unforgetting

CHOSEN = (
    *("SetNickname_01", "SetNickname_02", "EnableProfile_01", "EnableProfile_02", "DisableProfile_01"),
    *("DeleteProfile_01", "DeleteProfile_06", "eUICCMemoryReset_02", "GetProfilesInfo_01", "GetProfilesInfo_14"),
    *("ListNotification_01", "RemoveNotificationFromList_05", "LoadCRL_01", "LoadCRL_06", "SetDefaultDpAddress_01"),
    *("LoadBoundProfilePackage_01", "StoreMetadata_08", "UpdateMetadata_01", "ATR_And_ISDR_Selection_15"),
    *("GetEUICCChallenge_01", "GetEID_01", "ConfigureISDP_01", "PrepareDownload_01"),
)


@cache
def sequences() -> tuple[tuple[Case, Sequence], ...]:
    found = [(case, each) for case in loader.load([resources.vectors()]) if case.iut == "euicc"
             for each in case.sequences if case.sequence_id(each).endswith(CHOSEN)]  # fmt: skip
    assert len(found) >= len(CHOSEN) - 2
    return tuple(found)


def verdicts(chosen: list[tuple[Case, Sequence]]) -> tuple[dict[str, Verdict], set[bytes], str]:
    """Of these sequences in this order, with the profiles and the address that the card holds afterwards."""
    card = Unforgetting(profiles=EuiccSettings().profiles)
    opened, pki = Card(card), default_pki()
    opened.connect()
    described = resources.simulated_cards()[0].declaration
    session = Session(
        opened,
        Declaration.load(described).model_copy(update={"restore": []}),
        trust=pki.trust(),
        provisioner=DownloadingProvisioner(),
        pki=pki,
    )
    found = {}
    for case, sequence in chosen:
        result = Runner(session).run(case, sequence)
        assert result.left_behind == [], f"{result.id}: {result.left_behind[0][:300]}"
        found[result.id] = result.verdict
        assert result.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE), f"{result.id}: {result.reason[:600]}"
    state = card.euicc.state
    return found, {profile.iccid for profile in state.profiles}, state.default_address


@pytest.mark.parametrize("seed", range(3))
def test_verdicts_do_not_depend_on_the_order(seed: int) -> None:
    written, _, address = verdicts(list(sequences()))
    shuffled = list(sequences())
    random.Random(seed).shuffle(shuffled)
    found, profiles, same = verdicts(shuffled)
    assert found == written
    assert same == address == EuiccSettings().default_address
    # Of the card's own profiles some were deleted; nothing of the tester's is there.
    assert profiles <= {profile.iccid for profile in EuiccSettings().profiles}
