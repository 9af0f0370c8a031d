"""Procedures of an LPA as actions: a download over HTTPS, notifications sent (SGP.22 3.1.3, 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from pytest_euicc.asn1.tlv import TlvError
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.errors import NotReachable, Refused, SetupIncomplete, VectorMistake
from pytest_euicc.conformance.engine.installed import record_load
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.profiles import profiles_on
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.engine.smdp import client_for
from pytest_euicc.conformance.files.orders import Curve, Keys, OrderWish
from pytest_euicc.conformance.values.shapes import NUMBER, OCTETS, TEXT, Shape, listing, mapping
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.interfaces.common import free_memory
from pytest_euicc.interfaces.download.signatures import CertificatesShown
from pytest_euicc.lpa import (
    DownloadCancelled,
    EuiccRefused,
    Installation,
    InstallationFailed,
    Lpa,
    LpaError,
    NotificationFault,
    ServerRefused,
    Session,
)
from pytest_euicc.lpa.sides import Progress
from pytest_euicc.peers.smdp.content import build
from pytest_euicc.rsp.iccid import new_iccid

RESULT = mapping(
    "download",
    result=TEXT, by=TEXT, code=TEXT, iccid=OCTETS, aid=OCTETS, seqNumber=NUMBER, key=TEXT, segments=NUMBER,
)  # fmt: skip
"""What became of a download: ``result`` is installed, failed, refused, cancelled or interrupted."""
_NOTIFIED = mapping("notifications", delivered=NUMBER, kept=NUMBER, faults=NUMBER, reasons=listing(TEXT))
"""``kept`` on the card, ``faults`` of them for another reason than that the run has no server for their address."""
_LOAD = "ES10b.LoadBoundProfilePackage"

Octets = Annotated[int, Field(ge=0)]
Procedure = Callable[[Lpa], Installation]


@dataclass
class LpaSessions:
    """The RSP session that the LPA began last in this sequence; None before the first."""

    last: Session | None = None


class _PowerCut(Exception):
    """The card is to lose its power now."""


def offer(context: Context, *, package: bytes | None = None, iccid: bytes | None = None, **wish: Any) -> str:
    """Let the SM-DP+ hold a profile; returns its activation code.

    Args:
        package: the unprotected profile package; any that the server has if None.
        iccid: of a package of the tester's: 10 octets, nibbles swapped.
        wish: of `OrderWish`.
    """
    access = context.smdp
    if package is None and iccid is not None:
        package = build({"iccid": iccid})
    held = access.offer(OrderWish(package=package, consumed=True, **wish))
    return f"1${access.address}${held.matching_id}"


@action("lpa.download", response=RESULT, changes=True)
def download(
    context: Context,
    message: Message,
    *,
    keys: Keys | None = None,
    curve: Curve = "nist",
    confirmation_code: str | None = None,
    entered_code: str | None = None,
    matching_id: str | None = None,
    metadata: dict[str, Any] | None = None,
    package: Literal["tester"] | Hex | None = None,
    iccid: Hex | None = None,
    octets: Octets = 0,
    cut_after: int | None = None,
) -> Outcome:
    """Download a profile over HTTPS from the SM-DP+ of ``--smdp`` (SGP.22 3.1.3).

    Any profile that the SM-DP+ has, unless arguments ask for a particular one.

    Args:
        keys: session keys, or ``random`` for ReplaceSessionKeys.
        curve: of the session.
        confirmation_code: that the order needs.
        entered_code: the confirmation code that the user enters.
        matching_id: in the activation code, in place of that of the order.
        metadata: properties of the profile, in the format of an inventory.
        package: the unprotected profile package; ``tester`` for one that the tester builds.
        iccid: of a package that the tester makes.
        octets: minimum size of any other package, in bytes.
        cut_after: the card loses power after this number of segments.

    Returns:
        ``result`` is installed, failed, refused, cancelled or interrupted; ``by`` and ``code`` say who refused and why;
        ``key`` is ``new`` or ``used again``, for the one-time key; ``segments`` the number in the package.
    """
    code = offer(
        context,
        package=None if package == "tester" else package,
        iccid=new_iccid(context.random) if package == "tester" else iccid,
        octets=octets,
        keys=keys,
        metadata=metadata or {},
        confirmation_code=confirmation_code,
    )
    if matching_id is not None:
        code = f"{code.rpartition('$')[0]}${matching_id}"
    procedure: Procedure = lambda lpa: lpa.download(code, confirmation_code=entered_code)  # noqa: E731
    return Outcome(value=attempt(context, message, curve, procedure, cut_after), shape=RESULT)


@action("lpa.retry", response=RESULT, changes=True)
def retry(
    context: Context,
    message: Message,
    *,
    curve: Curve = "nist",
    entered_code: str | None = None,
    cut_after: int | None = None,
    key_offered: bool = False,
) -> Outcome:
    """Retry the last download, which failed for a temporary reason or was interrupted (SGP.22 3.1.3, 5.7.5).

    Args:
        curve: of the session.
        entered_code: the confirmation code that the user enters.
        cut_after: the card loses power after this number of segments.
        key_offered: ``true``: inconclusive unless the SM-DP+ offers the one-time key of the last download, as it may.

    Returns:
        As for ``lpa.download``.
    """
    failed = last_session(context)
    procedure: Procedure = lambda lpa: lpa.retry(failed, confirmation_code=entered_code)  # noqa: E731
    value = attempt(context, message, curve, procedure, cut_after)
    if key_offered and last_session(context).offered_otpk is None:
        raise Refused("the SM-DP+ offers no one-time key of the download before, which SGP.22 3.1.3 leaves to it")
    return Outcome(value=value, shape=RESULT)


def last_session(context: Context) -> Session:
    """The RSP session that the LPA began last in this sequence.

    Raises:
        InconclusiveError: there is none.
    """
    session = context.part(LpaSessions).last
    if session is None:
        raise VectorMistake("no download of this sequence got as far as a session that could be resumed")
    return session


class _Kept:
    """An ES9+ client that outlives the LPA which uses it."""

    def __init__(self, client: Es9Client) -> None:
        self.call = client.call

    def close(self) -> None:
        """Its connections stay for the next sequence."""


def _lpa(context: Context, message: Message, curve: Curve, progress: Progress | None = None) -> Lpa:
    isdr = context.isdr(message.channel)
    access = context.smdp

    def server(address: str) -> _Kept:
        client = client_for(access, address, curve)
        client.listener = context.on_http
        return _Kept(client)

    return Lpa(isdr, server, progress=progress)


def attempt(
    context: Context, message: Message, curve: Curve, procedure: Procedure, cut_after: int | None = None
) -> dict[str, Any]:
    """Run a procedure of the LPA; returns what became of it, in the shape RESULT.

    Args:
        cut_after: number of segments of the load that go to the card before it loses its power; None: all.
    """
    seen = {}

    def progress(step: str, done: int, total: int) -> None:
        if step == _LOAD:
            seen["segments"] = total
            context.segment(done + 1, total)
            if done == 0 and lpa.session is not None and lpa.session.metadata is not None:
                context.installing(lpa.session.metadata.iccid)
            if done == cut_after:
                raise _PowerCut

    with _lpa(context, message, curve, progress) as lpa:
        try:
            value = _outcome(lpa, procedure)
        except _PowerCut:
            context.reset()
            context.select_isdr(message.channel or DEFAULT_CHANNEL)
            value = {"result": "interrupted"}
        session = lpa.session
    if "seqNumber" in value:
        record_load(context, value["seqNumber"], value.get("iccid"))
    if session is not None:
        context.part(LpaSessions).last = session
        context.part(CertificatesShown).certificates.append(session.euicc_certificate)
    return value | seen


def _outcome(lpa: Lpa, procedure: Procedure) -> dict[str, Any]:
    try:
        done = procedure(lpa)
    except Es9Error as error:
        raise NotReachable(str(error)) from error
    except ServerRefused as error:
        return {"result": "refused", "by": "SM-DP+", "code": f"{error.subject}/{error.reason}"}
    except EuiccRefused as error:
        return {"result": "refused", "by": "eUICC", "code": str(error.code)}
    except InstallationFailed as error:
        return {"result": "failed", "by": error.command, "code": error.error_reason, "seqNumber": error.sequence_number}
    except DownloadCancelled as error:
        return {"result": "cancelled", "by": "LPA", "code": error.reason}
    except LpaError as error:
        return {"result": "refused", "by": "LPA", "code": str(error)}
    key = "used again" if done.key_reused else "new"
    return {"result": "installed", "iccid": done.iccid, "aid": done.aid, "seqNumber": done.sequence_number, "key": key}


@action("lpa.process_notifications", response=_NOTIFIED, changes=True)
def process_notifications(context: Context, message: Message, *, curve: Curve = "nist") -> Outcome:
    """Send every pending notification and remove those that were delivered (SGP.22 3.5).

    Args:
        curve: of the TLS server certificate.

    Returns:
        ``delivered`` and ``kept`` are numbers: each is sent to its address, and those for other servers are kept.
        ``faults`` is the number kept for another reason; ``reasons`` say why each one was kept.
    """
    with _lpa(context, message, curve) as lpa:
        try:
            report = lpa.process_notifications()
        except LpaError as error:
            raise Refused(str(error)) from error
    value = {
        "delivered": len(report.delivered),
        "kept": len(report.kept),
        "faults": sum(not fault.no_server for fault in report.kept),
        "reasons": [_why_kept(fault) for fault in report.kept],
    }
    return Outcome(value=value, shape=_NOTIFIED)


def _why_kept(fault: NotificationFault) -> str:
    return f"notification {fault.sequence_number} to {fault.address!a}: {fault.reason}"


_MOST_CUTS = 1000


def _with(name: str, **fields: Shape) -> Shape:
    """The result of a download with fields of its own."""
    return mapping(name, **RESULT.fields, **fields)


@action("lpa.power_cuts", response=_with("power cuts", cuts=NUMBER, changed_after=listing(NUMBER)), changes=True)
def power_cuts(
    context: Context, message: Message, *, keys: Keys | None = None, curve: Curve = "nist", octets: Octets = 0
) -> Outcome:
    """A download whose card loses power after the first segment, again after the second, and so on up to the last.

    After every power cut the profiles and the free memory are read. The result is that of the last download, which is
    not interrupted.

    Args:
        keys: session keys, or ``random`` for ReplaceSessionKeys.
        curve: of the session.
        octets: minimum size of the package in bytes.

    Returns:
        As for ``lpa.download``. ``cuts`` is the number of power cuts; ``changed_after`` lists the segments after which
        the profiles had changed or memory for a whole package was missing.
    """
    code = offer(context, octets=octets, keys=keys, tries=_MOST_CUTS)
    profiles, free = _shown(context, message)
    changed: list[int] = []
    for cuts in range(_MOST_CUTS):
        value = attempt(context, message, curve, lambda lpa: lpa.download(code), cut_after=cuts + 1)
        if value["result"] != "interrupted":
            return Outcome(value=value | {"cuts": cuts, "changed_after": changed})
        profiles_now, free_now = _shown(context, message)
        if profiles_now != profiles or free - free_now >= len(last_session(context).bound_profile_package):
            changed.append(cuts + 1)
    raise Refused(f"after {_MOST_CUTS} segments the load has not come to an end")


def _shown(context: Context, message: Message) -> tuple[list[dict[str, Any]], int]:
    """Profiles and octets of free non-volatile memory as the card shows them."""
    isdr = context.isdr(message.channel)
    try:
        free = free_memory(isdr.get_euicc_info2()["extCardResource"])
    except (Es10Error, TlvError, LookupError) as error:
        raise Refused(f"the free memory cannot be read: {error}") from error
    return [profile.info for profile in profiles_on(context, channel=message.channel)], free


_NO_ROOM = frozenset({"installFailedDueToInsufficientMemoryForProfile", "8.1/4.8"})
_HALVINGS = 3


@action("lpa.fill_memory", response=_with("downloads", installed=NUMBER, last=OCTETS, size=NUMBER), changes=True)
def fill_memory(
    context: Context, message: Message, *, octets: Octets = 40_000, at_most: int = 60, curve: Curve = "nist"
) -> Outcome:
    """Download profiles, one after the other, until one is not installed.

    A card that has no room for the first is given smaller ones. Inconclusive if it accepts all of them, or has no room
    for the smallest.

    Args:
        octets: minimum size of each package in bytes; for a nearly full card down to an eighth of it.
        at_most: number of downloads.
        curve: of the session.

    Returns:
        As for ``lpa.download``, of the download that failed. ``installed`` is the number of profiles installed,
        ``last`` the ICCID of the last one, ``size`` the minimum size in the end.
    """
    smallest = octets >> _HALVINGS
    last: dict[str, bytes] = {}
    installed = 0
    while installed < at_most:
        code = offer(context, octets=octets)
        value = attempt(context, message, curve, lambda lpa, code=code: lpa.download(code))  # type: ignore[misc]
        if value["result"] == "installed":
            last, installed = {"last": value["iccid"]}, installed + 1
        elif installed or value.get("code") not in _NO_ROOM:
            return Outcome(value=value | last | {"installed": installed, "size": octets})
        elif octets == smallest:
            raise Refused(f"the card has no room for a profile of {octets} bytes: {value['code']}")
        else:
            octets >>= 1
    raise SetupIncomplete(
        f"{at_most} profiles of {octets} bytes and more do not fill the memory; raise octets or at_most"
    )
