"""The tester brings profiles onto the card by whole downloads over ES10b: as a step, as a state, for other states."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import Hex, Makes, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused, SetupIncomplete
from pytest_euicc.conformance.engine.installed import delete_installed, forget_notifications, installed_by_tester
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.profiles import EVENTS, ProfilesInUse, by_iccid
from pytest_euicc.conformance.engine.registry import ACTIONS, action, state
from pytest_euicc.conformance.engine.wishes import ProfileWish
from pytest_euicc.conformance.files.observations import UNREADABLE_ENTRY
from pytest_euicc.conformance.files.orders import Curve, Keys
from pytest_euicc.conformance.values.text import describe, to_json
from pytest_euicc.interfaces.es10.states import owner_for
from pytest_euicc.peers.smdp.session import SmdpPeer
from pytest_euicc.rsp.icons import icon

_LOAD = "es10b.load_bound_profile_package"
_ICCID = 0x5A
_EVENT_BITS = {event: f"notification{event.capitalize()}" for event in EVENTS}


@action(
    "tester.download",
    request="StoreMetadataRequest",
    tampered="BoundProfilePackage",
    response="ProfileInstallationResult",
    changes=True,
)
def download(
    context: Context,
    message: Message,
    *,
    iccid: Hex | None = None,
    keys: Keys = "session",
    filler: int = 0,
    curve: Curve | None = None,
) -> Outcome:
    """A whole download over ES10b, from GetEUICCChallenge to the result of the load (SGP.22 5.7.5 to 5.7.7, 5.7.13).

    ``with`` overlays the metadata of the profile, ``tamper`` changes the package. The step fails if a function before
    the load returns an error.

    Args:
        iccid: of the profile; by default a new one.
        keys: session keys, or ``random`` for ReplaceSessionKeys.
        filler: additional bytes in the profile package.
        curve: of the session; by default that of the declaration.
    """
    authentication = {} if curve is None else {"curve": curve}
    before: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("es10b.get_euicc_challenge", {}, ""),
        ("es10b.authenticate_server", authentication, "authenticateResponseOk"),
        ("es10b.prepare_download", {}, "downloadResponseOk"),
    )
    for name, arguments, wanted in before:
        outcome = ACTIONS.get(name)(context, Message(channel=message.channel), arguments)
        if outcome.value is None or (wanted and outcome.value[0] != wanted):
            received = outcome.fault if outcome.value is None else describe(outcome.value, 200)
            fault = f"{name} was answered with {received} ({outcome.sw or 0:04X})"
            return Outcome(outcome.sent, sw=outcome.sw, received=outcome.received, fault=fault)
    arguments = {"keys": keys, "package": {"filler": filler}} | ({} if iccid is None else {"iccid": iccid})
    return ACTIONS.get(_LOAD)(context, message, arguments)


@action("tester.install", request="StoreMetadataRequest", changes=True)
def install_as_step(
    context: Context, message: Message, *, iccid: Hex | None = None, curve: Curve | None = None, as_: SaveAs = "profile"
) -> Outcome:
    """A whole download that only has to install the profile; `tester.download` judges its result.

    Args:
        iccid: of the profile; by default a new one.
        curve: of the session; by default that of the declaration.
        as: saves the ICCID.
    """
    arguments = {name: value for name, value in (("iccid", iccid), ("curve", curve)) if value is not None}
    context.save(as_, install(context, message.with_ or {}, **arguments))
    return Outcome()


def install(context: Context, metadata: dict[str, Any], **arguments: Any) -> bytes:
    """Bring a profile onto the card; returns its ICCID.

    Args:
        metadata: overlay of the StoreMetadataRequest as a vector writes it.
        arguments: of the action ``tester.download``.

    Raises:
        NotPermitted: the card must not be changed.
        InconclusiveError: the download does not come to its end; the text has what the eUICC answered.
    """
    context.change("to install a profile")
    outcome = ACTIONS.get("tester.download")(context, Message(with_=metadata), arguments)
    if outcome.value is None:
        iccid = bytes(arguments.get("iccid") or context.part(SmdpPeer).iccid)
        if outcome.received and _is_there(context, iccid):
            # The form of the result is for the sequences about it.
            context.observe(UNREADABLE_ENTRY, f"the result of a load could not be read: {outcome.fault}", "5.7.6")
            return iccid
        raise Refused(f"no profile can be installed: {outcome.fault}")
    data = outcome.value["profileInstallationResultData"]
    choice, result = data["finalResult"]
    if choice != "successResult":
        command, reason = to_json(result["bppCommandId"]), to_json(result["errorReason"])
        raise Refused(f"no profile can be installed: {command}: {reason}")
    return bytes(data["notificationMetadata"]["iccid"])


def _is_there(context: Context, iccid: bytes) -> bool:
    """Whether the card lists a profile, in whatever form."""
    answer = context.isdr().send("get_profiles_info", codec.encode("ProfileInfoListRequest", {})).octets
    try:
        return any(part.value == iccid for part in tlv.within(answer, _ICCID))
    except tlv.TlvError:
        return False


def metadata_for(context: Context, wish: ProfileWish) -> dict[str, Any]:
    """The metadata of a profile as a state asks for it.

    Raises:
        NotPermitted: the eUICC allows no profile with these rules.
        InconclusiveError: profiles of this class do not come by download.
    """
    if wish.profile_class == "provisioning":
        raise SetupIncomplete("a provisioning profile comes from the manufacturer, the card has none to spare")
    metadata: dict[str, Any] = {"profileClass": wish.profile_class}
    if not wish.addresses and not wish.notify:
        metadata["notificationConfigurationInfo"] = {"absent": True}
    else:
        bits = {"bits": [_EVENT_BITS[event] for event in sorted(wish.notify or _EVENT_BITS)]}
        metadata["notificationConfigurationInfo"] = [
            {"profileManagementOperation": bits, "notificationAddress": f"smdp{number}.example.com"}
            for number in range(wish.addresses or 1)
        ]
    if wish.icon:
        metadata |= {"iconType": "png", "icon": icon("png")}
    if wish.ppr:
        metadata["profilePolicyRules"] = {"bits": sorted(wish.ppr)}
        metadata["profileOwner"] = owner_for(context, wish.ppr)
    return metadata


class DownloadingProvisioner:
    """Brings a profile that a state needs onto the card, by a download of the tester's."""

    def install(self, context: Context, wish: ProfileWish) -> bytes:
        """Install it and return its ICCID; raises NotPermitted or InconclusiveError."""
        return install(context, metadata_for(context, wish))


@state("installed_profile", implies=("isdr_selected",))
def installed_profile(
    context: Context,
    *,
    metadata: dict[str, Any] | None = None,
    iccid: Hex | None = None,
    keys: Keys = "session",
    filler: int = 0,
    as_: Annotated[SaveAs, Makes("profile")] = "profile",
) -> Generator[None, None, None]:
    """A disabled profile with given metadata, just downloaded by the tester; no notification of it is pending.

    Args:
        metadata: overlays the StoreMetadataRequest.
        iccid: of the profile; by default a new one.
        keys: session keys, or ``random`` for ReplaceSessionKeys.
        filler: additional bytes in the profile package.
        as: saves what ``profile`` saves.
    """
    chosen = {} if iccid is None else {"iccid": iccid}
    before = len(installed_by_tester(context))
    installed = by_iccid(context, install(context, metadata or {}, keys=keys, filler=filler, **chosen))
    forget_notifications(context, installed.iccid)
    context.part(ProfilesInUse).iccids.add(installed.iccid)
    context.save(as_, installed.saved())
    yield
    delete_installed(context, before)
