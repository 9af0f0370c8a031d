"""eIMs that a killed run has left associated: the next run takes them off, or names them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine import journal, library
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.registry import STATES
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.interfaces.es10b_iot.listed import eims_listed
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.unforgetting import Unforgetting

(IOT,) = (card for card in resources.simulated_cards() if card.name == "iot")
assert IOT.settings is not None
SETTINGS = EuiccSettings.load(IOT.settings)
EID = SETTINGS.eid.hex()


@pytest.fixture
def euicc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedEuicc:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    library.load()
    return SimulatedEuicc(SETTINGS, default_pki())


def opened(euicc: SimulatedEuicc) -> tuple[Session, str]:
    """A session as a run opens one, and what it says of an earlier run."""
    transport = Unforgetting()
    transport.euicc = euicc
    card, pki = Card(transport), default_pki()
    card.connect()
    session = Session(
        card,
        # Without the commands that put the simulated one back as a whole.
        Declaration.load(IOT.declaration).model_copy(update={"restore": []}),
        allow_destructive=True,
        trust=pki.trust(),
        provisioner=DownloadingProvisioner(),
        pki=pki,
    )
    return session, journal.start(session, EID)


def associated(session: Session) -> list[str]:
    context = Context(session, "test")
    context.reset()
    context.select_isdr()
    return list(eims_listed(context))


def cut_short(euicc: SimulatedEuicc, *states: dict[str, object], profile: dict[str, object] | None = None) -> Path:
    """A run that ends when its sequence has reached states; returns its journal."""
    session, reported = opened(euicc)
    assert reported == ""
    context = Context(session, "TC_Own_01")
    context.reset()
    context.select_isdr()
    for arguments in states:
        next(STATES.get("eim_associated")(context, arguments))
    assert len(associated(session)) == len(states)
    if profile is not None:
        next(STATES.get("iot_profile")(context, profile))
    assert session.journal is not None
    session.journal.close()
    return journal.folder() / f"{EID}.jsonl"


@pytest.mark.parametrize(
    "states",
    [
        [{}],
        [{"token": True, "key": "certificate", "counter": 8388000}],
        [{"as": "eim1"}, {"as": "eim2", "curve": "brainpool", "token": True}],
    ],
)
def test_they_are_deleted_under_their_own_keys(euicc: SimulatedEuicc, states: list[dict[str, object]]) -> None:
    path = cut_short(euicc, *states)
    assert path.stat().st_mode & 0o777 == 0o600
    session, reported = opened(euicc)
    assert "was interrupted in TC_Own_01; the card was restored first" in reported
    assert "left behind" not in reported
    assert associated(session) == []
    assert not path.exists()


def without_keys(path: Path) -> None:
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in lines if "key" not in json.loads(line).get("eim", ())))


def test_one_whose_key_nobody_has_goes_by_a_memory_reset(euicc: SimulatedEuicc) -> None:
    without_keys(cut_short(euicc, {}))
    session, reported = opened(euicc)
    assert "left behind" not in reported
    assert associated(session) == []


def test_one_that_cannot_be_deleted_is_named(euicc: SimulatedEuicc) -> None:
    path = cut_short(euicc, {})
    without_keys(path)
    first, *lines = map(json.loads, path.read_text().splitlines())
    assert first["eim"] == []
    # Another was there before the run, so that the card must not be reset.
    path.write_text("".join(f"{json.dumps(line)}\n" for line in [first | {"eim": ["2.999.1"]}, *lines]))
    session, reported = opened(euicc)
    (left,) = associated(session)
    assert f"left behind on the card: the eIM {left} is associated; the eIM 2.999.1 was deleted" in reported


@pytest.mark.parametrize("there", [True, False])
def test_profiles_are_put_back_by_packages(euicc: SimulatedEuicc, *, there: bool) -> None:
    before = euicc.state
    own = {} if there else {"fallback_allowed": True, "ecall": True}
    cut_short(euicc, {}, profile={"state": "enabled", **own})
    assert euicc.state.enabled is not None
    assert len(euicc.state.profiles) == len(before.profiles) + (not there)
    _, reported = opened(euicc)
    assert "left behind" not in reported
    assert euicc.state.enabled is None
    assert euicc.state.iot.eims == ()
    assert [profile.iccid for profile in euicc.state.profiles] == [profile.iccid for profile in before.profiles]
