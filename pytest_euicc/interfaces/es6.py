"""ES6 over the air: the tester sends what an operator would send; arguments say what is to be wrong (SGP.22 5.4)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.proactive import SEND_SHORT_MESSAGE
from pytest_euicc.conformance.engine.arguments import Hex, Makes, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.installed import (
    delete_installed,
    forget_notifications,
    installed_by_tester,
    refuse_irreversible,
)
from pytest_euicc.conformance.engine.message import Encoded, Message, Outcome
from pytest_euicc.conformance.engine.profiles import (
    ProfilesInUse,
    by_iccid,
    enabled_on,
    listed_profiles,
    put_back_enabled,
    switch,
)
from pytest_euicc.conformance.engine.registry import action, state
from pytest_euicc.conformance.engine.wishes import ProfileWish
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import BOOLEAN, NUMBER, OCTETS, TEXT, mapping
from pytest_euicc.interfaces.download.whole import install, metadata_for
from pytest_euicc.interfaces.es10.states import Rules
from pytest_euicc.ota import scripts, sms
from pytest_euicc.ota.scp80 import Integrity, PacketFault, Receipt, Spi
from pytest_euicc.peers import operator
from pytest_euicc.peers.operator import BY_SUBMIT, IN_REPORT, Link, WrongKey
from pytest_euicc.rsp.profile_package import MNO_SD_TAR

_RECEIPT = mapping(
    "receipt", receipt=TEXT, secured=BOOLEAN, executed=NUMBER, result=OCTETS, data=OCTETS, bad_format=NUMBER
)
_TPDU = 0x0B
_TO_TAKE_RECEIPT = "to take the receipt that the card sends by SMS"


@action(
    "es6.update_metadata",
    request="UpdateMetadataRequest",
    response=_RECEIPT,
    changes=True,
    as_terminal=_TO_TAKE_RECEIPT,
)
def update_metadata(
    context: Context,
    message: Message,
    *,
    profile: Hex | None = None,
    format_: Literal["expanded", "compact"] = "expanded",
    receipt: Literal["sms-submit", "deliver-report", "none"] = "sms-submit",
    counter: int = 1,
    wrong_key: WrongKey | None = None,
    ciphered: bool = True,
    checksum: bool = True,
    tar: Annotated[Hex, Field(min_length=3, max_length=3)] = MNO_SD_TAR,
    isdp: Hex = scripts.PROFILES_ISDP,
    again: bool = False,
) -> Outcome:
    """ES6.UpdateMetadata over SCP80 in SMS (SGP.22 5.4.1).

    Addressed to the MNO-SD of a profile of the state ``ota_profile``; ``sw`` is the status word of ENVELOPE.

    Args:
        profile: ICCID of the profile; by default the last one.
        format: of the remote APDU script (ETSI TS 102 226).
        receipt: how a proof of receipt is requested.
        counter: added to the counter used last.
        wrong_key: the key that is wrong.
        ciphered: whether the packet is encrypted.
        checksum: whether it has a cryptographic checksum.
        tar: of the receiving application.
        isdp: AID for INSTALL [for personalization].
        again: ``true``: the messages of the step before once more.

    Returns:
        ``receipt`` is the status of ETSI TS 102 225 (ok, integrity-failed, counter-low, tar-unknown, …), absent if
        there is no receipt; ``secured`` whether the receipt is; ``executed`` the number of commands executed,
        ``result`` the last status word, ``data`` the last response data, ``bad_format`` the error of the script.
    """
    link = operator.link_to(context, profile)
    spi = Spi(
        integrity=Integrity.CHECKSUM if checksum else Integrity.NONE,
        ciphered=ciphered,
        receipt=Receipt.NEVER if receipt == "none" else Receipt.ALWAYS,
        receipt_by_submit=receipt == BY_SUBMIT,
    )
    request = message.encode("UpdateMetadataRequest", {})
    expanded = format_ == "expanded"
    if not again:
        commands = [operator.install_for_personalization(isdp), *operator.store_data(request.octets)]
        script = scripts.script(commands, expanded=expanded)
        link.counter += counter
        link.protect(spi, tar, script, reference=context.random.randrange(256), wrong_key=wrong_key)
    return _exchange(context, link, spi, request, expanded=expanded)


def _exchange(context: Context, link: Link, spi: Spi, request: Encoded, *, expanded: bool) -> Outcome:
    """One ENVELOPE for each message, up to the first that is refused; the receipt comes after the last."""
    context.card.be_terminal(_TO_TAKE_RECEIPT)
    fetched = len(context.card.fetched)
    outcome = Outcome(sent=request.octets, sent_value=request.value, shape=_RECEIPT, value={})
    for tpdu in link.messages:
        answer = context.card.basic.send(CommandApdu(0x80, 0xC2, 0x00, 0x00, sms.envelope(tpdu), 256))
        outcome = replace(outcome, sw=answer.sw, received=answer.data)
        if not answer.ok:
            break
    commands = [command for command in context.card.fetched[fetched:] if command.kind == SEND_SHORT_MESSAGE]
    received = frozenset({BY_SUBMIT} if commands else ()) | frozenset({IN_REPORT} if outcome.received else ())
    if not received:
        return outcome
    requested = operator.ways_requested(spi)
    if received != requested:
        wanted = f"{' and '.join(sorted(requested)) or 'none'} (SPI {spi.encode().hex().upper()})"
        outcome = replace(outcome, mismatches=(Mismatch("receipt", wanted, " and ".join(sorted(received))),))
    try:
        if commands:
            submitted = sms.read_submit(commands[-1].parts.get(_TPDU, b""))
        else:
            submitted = sms.read_user_data(outcome.received)
        outcome = replace(outcome, received=submitted.data)
        return replace(outcome, value=operator.read_receipt(submitted, spi, link.keys, expanded=expanded))
    except (sms.SmsFault, PacketFault, scripts.ScriptFault) as error:
        return replace(outcome, value=None, fault=f"no receipt: {error}")


@state("ota_profile", implies=("isdr_selected",))
def ota_profile(
    context: Context,
    *,
    state: Literal["enabled", "disabled"] = "enabled",
    ppr: Rules = None,
    icon: bool = False,
    as_: Annotated[SaveAs, Makes("profile")] = "profile",
) -> Generator[None, None, None]:
    """A profile whose OTA keys the tester knows: just downloaded, without notifications, and deleted afterwards.

    Args:
        state: enabled or disabled.
        ppr: Profile Policy Rules.
        icon: whether it has an icon.
        as: saves what ``profile`` saves.
    """
    before, there = enabled_on(context), len(installed_by_tester(context))
    refuse_irreversible(context, ppr or (), lambda: listed_profiles(context), enabled=state == "enabled")
    metadata = metadata_for(context, ProfileWish(ppr=frozenset(ppr or ()), icon=icon))
    installed = by_iccid(context, install(context, metadata))
    context.part(ProfilesInUse).iccids.add(installed.iccid)
    operator.connect(context, installed.iccid)
    if state == "enabled":
        switch(context, installed, enable=True)
    forget_notifications(context, installed.iccid)
    context.save(as_, installed.saved())
    yield
    delete_installed(context, there, enabled=state == "enabled")
    if state == "enabled":
        put_back_enabled(context, before)
