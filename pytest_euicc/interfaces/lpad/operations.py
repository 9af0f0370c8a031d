"""What a user does with the LPA under test, as actions; each waits until the LPA has reported its result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotPermitted
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.files.observations import BASE64_LINES
from pytest_euicc.conformance.values.shapes import ANY, BOOLEAN, NUMBER, OCTETS, TEXT, Shape, listing, mapping
from pytest_euicc.interfaces.lpad import agreement, always
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.bench import Answer, Operation
from pytest_euicc.peers.lpa.script import Rule
from pytest_euicc.peers.lpa.user import Reply

_REPORTED = mapping("what the LPA reported", text=TEXT, iccid=OCTETS, name=TEXT, provider=TEXT)
_PROFILE = mapping(
    "profile", iccid=OCTETS, state=TEXT, name=TEXT, provider=TEXT, nickname=TEXT, icon=OCTETS, rules=listing(TEXT),
    **{"class": TEXT},
)  # fmt: skip
_LISTED = mapping("profiles told", text=TEXT, profiles=listing(_PROFILE))
_NOTIFIED = mapping(
    "notifications told",
    text=TEXT,
    notifications=listing(mapping("notification", seqNumber=NUMBER, event=TEXT, address=TEXT, iccid=OCTETS)),
)
_READ = mapping(
    "reported",
    text=TEXT,
    eid=OCTETS,
    default_address=TEXT,
    root_sds_address=TEXT,
    svn=TEXT,
    free_memory=NUMBER,
    more=ANY,
)


def _perform(context: Context, operation: Operation, shape: Shape, **arguments: Any) -> Outcome:
    bench = bench_of(context)
    bench.record.mark()
    given = {name: value for name, value in arguments.items() if value is not None}
    before = bench.card_state()
    answer = bench.perform(operation, given)
    status = _status(answer)
    value = {"text": answer.text, **answer.values}
    calls = bench.record.since_mark()
    for name in always.in_lines(calls):
        context.observe(BASE64_LINES, f"{name} has line breaks", "RFC 2045 6.8")
    found = [*always.judge(bench.record), *agreement.unasked(operation, given, calls)]
    if status == "success":
        found += agreement.untrue(operation, given, before, bench.card_state(), calls)
    return Outcome(status=status, value=value, shape=shape, mismatches=tuple(found))


def _status(answer: Answer) -> str:
    """The result as a step's ``status``; raises NotPermitted where the LPA does not say how it ended."""
    if answer.ending != "reported":
        return {"timeout": "no answer in time", "crash": "the LPA crashed", "killed": "killed"}[answer.ending]
    if answer.result == "unknown":
        raise NotPermitted("the driver cannot read the result of this operation (see results: in the driver file)")
    return "success" if answer.result == "success" else "failed"


@action("lpad.download", response=_REPORTED, changes=True)
def download(
    context: Context,
    _message: Message,
    *,
    code: str,
    confirmation_code: str | None = None,
    imei: str | None = None,
    enable: bool | None = None,
) -> Outcome:
    """The user downloads a profile by an activation code.

    Args:
        code: the activation code, as typed or scanned.
        confirmation_code: given beforehand; the LPA may also ask for it (state ``lpad.user``).
        imei: of the device, where the LPA takes one.
        enable: ``true``: the profile is to be enabled in the same action, where the LPA offers that.

    Returns:
        ``iccid``, ``name`` and ``provider`` as far as the LPA reports them.
    """
    given = {"code": code, "confirmation_code": confirmation_code, "imei": imei, "enable": enable}
    return _perform(context, "download", _REPORTED, **given)


@action("lpad.discovery", response=_REPORTED, changes=True)
def discovery(context: Context, _message: Message, *, smds: str | None = None, default: bool = False) -> Outcome:
    """The user looks for profiles that wait at the SM-DS, or at the default SM-DP+.

    Args:
        smds: address of the SM-DS in place of that of the card.
        default: at the default SM-DP+ instead.
    """
    return _perform(context, "discovery", _REPORTED, smds=smds, default=default)


@action("lpad.list", response=_LISTED)
def list_profiles(context: Context, _message: Message) -> Outcome:
    """The user lists the profiles.

    Returns:
        ``profiles`` with ``iccid`` (octets), ``state``, ``class``, names, ``nickname`` and ``rules`` (``ppr1``,
        ``ppr2``, ``pprUpdateControl``) as far as the LPA reports them.
    """
    return _perform(context, "list", _LISTED)


@action("lpad.enable", response=_REPORTED, changes=True)
def enable(
    context: Context,
    _message: Message,
    *,
    iccid: Hex | None = None,
    text: str | None = None,
    aid: Hex | None = None,
    refresh: bool | None = None,
) -> Outcome:
    """The user enables a profile.

    Args:
        iccid: of the profile, ten octets as on the card; the driver gives it to the LPA in the LPA's way.
        text: what the user enters instead, unchanged.
        aid: of the ISD-P, instead of it.
        refresh: the refresh flag, where the driver can choose it.
    """
    return _perform(context, "enable", _REPORTED, iccid=iccid, text=text, aid=aid, refresh=refresh)


@action("lpad.disable", response=_REPORTED, changes=True)
def disable(
    context: Context,
    _message: Message,
    *,
    iccid: Hex | None = None,
    text: str | None = None,
    aid: Hex | None = None,
    refresh: bool | None = None,
) -> Outcome:
    """The user disables a profile.

    Args:
        iccid: of the profile, ten octets as on the card.
        text: what the user enters instead, unchanged.
        aid: of the ISD-P, instead of it.
        refresh: the refresh flag, where the driver can choose it.
    """
    return _perform(context, "disable", _REPORTED, iccid=iccid, text=text, aid=aid, refresh=refresh)


@action("lpad.delete", response=_REPORTED, changes=True)
def delete(
    context: Context, _message: Message, *, iccid: Hex | None = None, text: str | None = None, aid: Hex | None = None
) -> Outcome:
    """The user deletes a profile.

    Args:
        iccid: of the profile, ten octets as on the card.
        text: what the user enters instead, unchanged.
        aid: of the ISD-P, instead of it.
    """
    return _perform(context, "delete", _REPORTED, iccid=iccid, text=text, aid=aid)


@action("lpad.nickname", response=_REPORTED, changes=True)
def nickname(
    context: Context, _message: Message, *, name: str, iccid: Hex | None = None, text: str | None = None
) -> Outcome:
    """The user gives a profile a nickname.

    Args:
        name: the nickname; empty to remove it.
        iccid: of the profile, ten octets as on the card.
        text: what the user enters instead of the ICCID.
    """
    return _perform(context, "nickname", _REPORTED, name=name, iccid=iccid, text=text)


@action("lpad.notifications", response=_REPORTED, changes=True)
def notifications(context: Context, _message: Message) -> Outcome:
    """The user tells the LPA to deliver pending notifications; an LPA may have done so by itself already."""
    return _perform(context, "notifications", _REPORTED)


@action("lpad.list_notifications", response=_NOTIFIED)
def list_notifications(context: Context, _message: Message) -> Outcome:
    """The user lists the pending notifications."""
    return _perform(context, "list_notifications", _NOTIFIED)


@action("lpad.default_address", response=_READ)
def default_address(context: Context, _message: Message) -> Outcome:
    """The user reads the default SM-DP+ address and that of the SM-DS."""
    return _perform(context, "default_address", _READ)


@action("lpad.set_default_address", response=_REPORTED, changes=True)
def set_default_address(context: Context, _message: Message, *, address: str) -> Outcome:
    """The user sets the default SM-DP+ address.

    Args:
        address: empty to clear it.
    """
    return _perform(context, "set_default_address", _REPORTED, address=address)


@action("lpad.memory_reset", response=_REPORTED, changes=True)
def memory_reset(
    context: Context,
    _message: Message,
    *,
    operational: bool = True,
    test: bool = False,
    default_address: bool = False,
) -> Outcome:
    """The user resets the memory of the eUICC.

    Args:
        operational: delete operational profiles.
        test: delete test profiles that were downloaded.
        default_address: reset the default SM-DP+ address.
    """
    return _perform(
        context, "memory_reset", _REPORTED, operational=operational, test=test, default_address=default_address
    )


@action("lpad.eid", response=_READ)
def eid(context: Context, _message: Message) -> Outcome:
    """The user reads the EID."""
    return _perform(context, "eid", _READ)


@action("lpad.euicc_info", response=_READ)
def euicc_info(context: Context, _message: Message) -> Outcome:
    """The user reads the information about the eUICC."""
    return _perform(context, "euicc_info", _READ)


@action("lpad.restart", response=mapping("restart", answered=BOOLEAN, text=TEXT))
def restart(context: Context, _message: Message) -> Outcome:
    """The LPA is ended and started again."""
    return _perform(context, "restart", _REPORTED)


@action("lpad.power_on", response=_REPORTED, changes=True)
def power_on(context: Context, _message: Message) -> Outcome:
    """The device is switched on and the user does nothing: the discovery by the LPA itself (SGP.22 3.4.4)."""
    return _perform(context, "power_on", _REPORTED)


@action("lpad.retrieve_code", response=_REPORTED)
def retrieve_code(context: Context, _message: Message, *, iccid: Hex) -> Outcome:
    """The user wants another activation code of a profile, for another device (SGP.22 v2.7 3.1.7).

    Args:
        iccid: of the profile, ten octets as on the card.
    """
    return _perform(context, "retrieve_code", _REPORTED, iccid=iccid)


@action("lpad.load_crl", response=mapping("reported", text=TEXT, crl=OCTETS), changes=True)
def load_crl(context: Context, _message: Message, *, number: int = 1) -> Outcome:
    """The user, or whoever looks after the device, gives the LPA a revocation list for the eUICC (SGP.22 5.7.12).

    Args:
        number: CRL number; the list is one of the CI and revokes nothing that is used here.

    Returns:
        ``crl`` is the list.
    """
    crl = bench_of(context).revocation_list(number)
    done = _perform(context, "load_crl", mapping("reported", text=TEXT, crl=OCTETS), crl=crl)
    return replace(done, value={**done.value, "crl": crl})


@action("lpad.test_mode", response=_REPORTED)
def device_test_mode(context: Context, _message: Message, *, on: bool) -> Outcome:
    """The device enters its test mode, in which it handles test profiles, or leaves it.

    Args:
        on: ``false`` to leave it.
    """
    return _perform(context, "test_mode", _REPORTED, on=on)


@action("lpad.script")
def script(context: Context, _message: Message, *, answers: list[Rule]) -> Outcome:
    """From now on card and servers answer by these rules and no others.

    Args:
        answers: rules as of the state ``lpad.answer``; an empty list for card and servers as they are.
    """
    bench_of(context).script.set(answers)
    return Outcome()


@action("lpad.user")
def user(
    context: Context,
    _message: Message,
    *,
    consent: Reply = "yes",
    confirmation_code: str | None = None,
    answers_code: bool = True,
) -> Outcome:
    """How the user answers from now on.

    Args:
        consent: ``yes``, ``no``, ``not now``, or ``nothing`` for a user who does not answer.
        confirmation_code: that the user enters.
        answers_code: ``false``: the user does not answer the prompt for the code.
    """
    found = bench_of(context).user
    found.consent, found.confirmation_code, found.answers_code = consent, confirmation_code, answers_code
    return Outcome()
