"""States of a download: how far a session or a package has come (SGP.22 5.5, 5.7). Each gets there by itself."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from pytest_euicc.conformance.engine.arguments import SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotPermitted, Refused, SetupIncomplete, VectorMistake
from pytest_euicc.conformance.engine.installed import delete_installed, forget_results
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import ACTIONS, state
from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.files import PUBLISHED_FOLDER
from pytest_euicc.interfaces.download.es10b import CertificateKind
from pytest_euicc.interfaces.es10.states import Rule, owner_for
from pytest_euicc.peers.smdp import published
from pytest_euicc.peers.smdp.requests import PROTECTED_FUNCTIONS, SECURE_CHANNEL
from pytest_euicc.peers.smdp.session import SmdpPeer
from pytest_euicc.rsp.rat import authorises

_IMPLIED = ("isdr_selected",)
_SETTING = "published_profile"


def _step(context: Context, name: str, wanted: str = "", **arguments: Any) -> Outcome:
    """One function on the way; raises InconclusiveError where the eUICC does not go along."""
    outcome = ACTIONS.get(name)(context, Message(), arguments)
    received = outcome.value[0] if wanted and outcome.value is not None else ""
    silent = name.startswith("es8plus.")
    if outcome.fault is not None or received != wanted or (silent and outcome.received):
        answer = outcome.fault if outcome.value is None else describe(outcome.value, 200)
        status = "" if outcome.sw is None else f" ({outcome.sw:04X})"
        raise Refused(f"{name} was answered with {answer}{status}")
    return outcome


def _open(context: Context, curve: Curve | None, certificate: str) -> SmdpPeer:
    _step(context, "es10b.get_euicc_challenge")
    _step(context, "es10b.authenticate_server", "authenticateResponseOk", curve=curve, certificate=certificate)
    return context.part(SmdpPeer)


def _prepare(context: Context, curve: Curve | None, certificate: str, confirmation_code: str | None) -> SmdpPeer:
    _open(context, curve, certificate)
    _step(
        context,
        "es10b.prepare_download",
        "downloadResponseOk",
        certificate=certificate,
        confirmation_code=confirmation_code,
    )
    return context.part(SmdpPeer)


def _session(peer: SmdpPeer) -> dict[str, Any]:
    """What ``$session`` has."""
    return {
        "transactionId": peer.transaction_id,
        "serverChallenge": peer.server_challenge,
        "iccid": peer.iccid,
        "euiccOtpk": peer.otpk,
        "smdpOid": peer.oid,
    }


def _tidy(context: Context) -> None:
    """Take off the card what loads of this sequence put on it: profiles and results."""
    delete_installed(context)
    with context.undoing("results of loads are pending"):
        forget_results(context)


@state("session_open", implies=_IMPLIED)
def session_open(
    context: Context, *, curve: Curve | None = None, certificate: CertificateKind = "valid", as_: SaveAs = "session"
) -> Generator[None, None, None]:
    """An RSP session is open: GetEUICCChallenge and AuthenticateServer have succeeded.

    Args:
        curve: of the session; by default that of the declaration.
        certificate: CERT.DPauth that is shown, as for ``es10b.authenticate_server``.
        as: saves ``transactionId``, ``serverChallenge``, ``iccid`` (of the profile to be installed) and ``smdpOid``.
    """
    context.save(as_, _session(_open(context, curve, certificate)))
    yield


@state("download_prepared", implies=_IMPLIED)
def download_prepared(
    context: Context,
    *,
    curve: Curve | None = None,
    certificate: CertificateKind = "valid",
    confirmation_code: str | None = None,
    as_: SaveAs = "session",
) -> Generator[None, None, None]:
    """An RSP session in which PrepareDownload has succeeded.

    Args:
        curve: of the session; by default that of the declaration.
        certificate: CERT.DPauth and CERT.DPpb that are shown, as for ``es10b.authenticate_server``.
        confirmation_code: sent as hashCc.
        as: saves ``transactionId``, ``serverChallenge``, ``iccid`` (of the profile to be installed) and ``smdpOid``,
            and ``euiccOtpk``.
    """
    context.save(as_, _session(_prepare(context, curve, certificate, confirmation_code)))
    yield
    _tidy(context)


def _load_up_to(context: Context, last: str, curve: Curve | None, as_: str) -> Generator[None, None, None]:
    """A package whose functions up to one have been sent."""
    context.save(as_, _session(_prepare(context, curve, "valid", None)))
    context.change("to begin a load")
    for name in [SECURE_CHANNEL, *PROTECTED_FUNCTIONS]:
        _step(context, name)
        if name == last:
            break
    yield
    _tidy(context)


@state("secure_channel", implies=_IMPLIED)
def secure_channel(
    context: Context, *, curve: Curve | None = None, as_: SaveAs = "session"
) -> Generator[None, None, None]:
    """A load in progress: the functions of ES8+ up to InitialiseSecureChannel have been sent.

    Args:
        curve: of the session; by default that of the declaration.
        as: saves what ``download_prepared`` saves.
    """
    yield from _load_up_to(context, SECURE_CHANNEL, curve, as_)


@state("isdp_configured", implies=_IMPLIED)
def isdp_configured(
    context: Context, *, curve: Curve | None = None, as_: SaveAs = "session"
) -> Generator[None, None, None]:
    """A load in progress: the functions of ES8+ up to ConfigureISDP have been sent.

    Args:
        curve: of the session; by default that of the declaration.
        as: saves what ``download_prepared`` saves.
    """
    yield from _load_up_to(context, "es8plus.configure_isdp", curve, as_)


@state("metadata_stored", implies=_IMPLIED)
def metadata_stored(
    context: Context, *, curve: Curve | None = None, as_: SaveAs = "session"
) -> Generator[None, None, None]:
    """A load in progress: the functions of ES8+ up to StoreMetadata have been sent.

    Args:
        curve: of the session; by default that of the declaration.
        as: saves what ``download_prepared`` saves.
    """
    yield from _load_up_to(context, "es8plus.store_metadata", curve, as_)


@state("profile_owner", implies=_IMPLIED)
def profile_owner(
    context: Context, *, allowed: list[Rule] | None = None, refused: list[Rule] | None = None, as_: SaveAs = "owner"
) -> Generator[None, None, None]:
    """An operator to whom the Rules Authorisation Table allows these rules, or to whom it does not.

    Give either ``allowed`` or ``refused``. If there is no such operator, the sequence is not applicable.

    Args:
        allowed: rules that the operator may use.
        refused: rules of which the operator may not use at least one.
        as: saves a value of profileOwner.
    """
    rules = frozenset[str](allowed or refused or ())
    if not rules or (allowed and refused):
        raise VectorMistake("profile_owner wants the rules that are allowed, or those that are refused")
    context.save(as_, owner_for(context, rules) if allowed else _stranger(context, rules))
    yield


def _stranger(context: Context, rules: frozenset[str]) -> dict[str, bytes]:
    """An operator to whom the RAT does not allow one of the rules (SGP.22 2.9.2.1)."""
    try:
        rat = context.isdr().get_rat()
    except Es10Error as error:
        raise Refused(f"the Rules Authorisation Table cannot be read: {error}") from error
    for network in ("99F999", "00F110", "09F107"):
        owner = {"mccMnc": bytes.fromhex(network)}
        if not all(authorises(rat, rule, owner) for rule in rules):
            return owner
    raise NotPermitted(f"the Rules Authorisation Table allows {' and '.join(sorted(rules))} to everybody")


@state("published_profile", implies=_IMPLIED)
def published_profile(
    context: Context, *, file: str | None = None, as_: SaveAs = "published"
) -> Generator[None, None, None]:
    """A published profile package is available: one of GSMA TS.48, or the file that the declaration names.

    Not applicable without one, or if the package requires what the eUICC does not declare.

    Args:
        file: a path; ``each`` repeats the sequence with every package in the folder ``EUICC_TS48_DIR``; if left out,
            the file under ``published_profile`` in the declaration's ``settings``, or the last one of the folder.
        as: saves ``octets``, ``iccid`` and ``imsi``.
    """
    path = _published(context) if file in (None, published.EACH) else Path(file)
    try:
        package = published.read(path)
    except published.PublishedPackageError as error:
        raise SetupIncomplete(str(error)) from error
    declared = context.declaration.uicc_capability
    missing = [name for name in package.capabilities if declared is not None and name not in declared]
    if missing:
        raise NotPermitted(f"the published profile package needs {', '.join(missing)}, which is not declared")
    context.save(as_, {"octets": package.octets, "iccid": package.iccid, "imsi": package.imsi})
    yield


def _published(context: Context) -> Path:
    named = context.declaration.settings.get(_SETTING)
    packages = [Path(named)] if named else published.files()
    if not packages:
        raise NotPermitted(
            f"no published profile package is given: set {PUBLISHED_FOLDER} to a folder with some, "
            f"or settings: {{{_SETTING}: FILE}} in the declaration"
        )
    return packages[-1]
