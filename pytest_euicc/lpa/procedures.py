"""The procedures of an LPA: download, retry, cancel (SGP.22 3.1.3).

Every signed part travels from one side to the other as the octets that were received; nothing is decoded and encoded
again on the way, so a signature that breaks here was broken by one of the sides.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.lpa import segmentation
from pytest_euicc.lpa.activation_code import ActivationCode
from pytest_euicc.lpa.authenticating import Authenticating
from pytest_euicc.lpa.errors import (
    DownloadCancelled,
    EuiccRefused,
    LpaError,
    NoAnswer,
    ServerRefused,
    SessionMismatch,
    UnreadableAnswer,
)
from pytest_euicc.lpa.explaining import certificate_text, key_text
from pytest_euicc.lpa.metadata import Metadata, carried_metadata
from pytest_euicc.lpa.outcomes import Installation, Session
from pytest_euicc.lpa.reading import b64, chosen, octets_of, read_installation, reading
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.rat import authorises

Decision = Literal["yes", "no", "not now", "nothing"]
Consent = Callable[[Metadata], bool | Decision]
"""Asked once the metadata is known (SGP.22 3.1.3, step 6); whatever is no yes ends the session with its reason."""
Code = str | Callable[[], str | None] | None
"""A confirmation code, or who is asked for it once it is known to be required, and may raise NoAnswer."""

_DECIDED: dict[bool | str, tuple[str, str]] = {
    False: ("endUserRejection", "the end user refused the profile"),
    "no": ("endUserRejection", "the end user refused the profile"),
    "not now": ("postponed", "the end user postponed the profile"),
    "nothing": ("timeout", "the end user did not answer"),
}
"""CancelSessionReason and words of what is no yes (SGP.22 3.1.3.1)."""


class Lpa(Authenticating):
    """An LPA on one eUICC; see `Sides` for what it takes."""

    def download(
        self,
        code: ActivationCode | str,
        *,
        confirmation_code: Code = None,
        consent: Consent | None = None,
    ) -> Installation:
        """Download and install the profile an activation code stands for.

        Raises:
            LpaError: naming the step, the codes of both sides and the clause. The session is cancelled on both sides
                where SGP.22 3.1.3 asks for it.
        """
        activation = self._activation(code) if isinstance(code, str) else code
        session = self.authenticate(activation.address, activation.matching_id, smdp_oid=activation.smdp_oid)
        self.confirm(session, consent)
        return self._fetch_and_install(session, confirmation_code)

    def _activation(self, text: str) -> ActivationCode:
        return ActivationCode.parse(text)

    def retry(self, failed: Session, *, confirmation_code: str | None = None) -> Installation:
        """Download again what a session did not install, its load having failed for a passing reason or broken off.

        The SM-DP+ offers the one-time key that its package is bound to (bppEuiccOtpk). An eUICC that still has the key
        uses it again, so the package need not be bound anew; any other makes a new one (SGP.22 3.1.3, 5.7.5). The end
        user has consented to this profile already and is not asked again.

        Args:
            failed: the session, also of another Lpa; ``session`` has the last one.
            confirmation_code: needed again where one is required, as its hash covers the transaction.

        Raises:
            LpaError: as for `download`; SessionMismatch where the SM-DP+ now offers another profile.
        """
        before = _known(failed)
        session = self.authenticate(failed.address, failed.matching_id, smdp_oid=failed.smdp_oid)
        now = _known(session)
        if now.octets != before.octets:
            self.cancel(session, "postponed")
            what = f"profile {now.iccid.hex()}" if now.iccid != before.iccid else "other metadata"
            raise SessionMismatch(
                "ES9+.AuthenticateClient",
                f"a retry of profile {before.iccid.hex()} is offered {what}; download it as a new one",
                "3.1.3",
            )
        self.confirm(session)
        return self._fetch_and_install(session, confirmation_code)

    def _fetch_and_install(self, session: Session, confirmation_code: Code) -> Installation:
        if callable(confirmation_code):
            try:
                confirmation_code = confirmation_code() if session.confirmation_code_required else None
            except NoAnswer as silence:
                self.cancel(session, "timeout")
                raise DownloadCancelled("timeout", str(silence), "3.1.3.1") from None
        if session.confirmation_code_required and confirmation_code is None:
            self.cancel(session, "postponed")
            raise DownloadCancelled("postponed", "a confirmation code is required and none was given", "3.1.3")
        self.prepare(session, confirmation_code)
        return self.install(session)

    def confirm(self, session: Session, consent: Consent | None = None) -> None:
        """Check the policy rules against the RAT and the profiles installed, then ask for consent (SGP.22 3.1.3.1)."""
        metadata = _known(session)
        refused = self._rules_refused(metadata)
        if refused:
            self.cancel(session, "pprNotAllowed")
            raise DownloadCancelled("pprNotAllowed", f"{refused} not allowed by the eUICC", "2.9.2.4")
        decided = True if consent is None else consent(metadata)
        if decided in _DECIDED:
            reason, reported = _DECIDED[decided]
            self.cancel(session, reason)
            raise DownloadCancelled(reason, reported, "3.1.3.1")

    def _rules_refused(self, metadata: Metadata) -> str:
        rules = [rule for rule in metadata.policy_rules if rule != "pprUpdateControl"]
        if not rules:
            return ""
        rat = self._ask_card("get_rat", "5.7.22").value["rat"]
        owner = metadata.value.get("profileOwner")
        for rule in rules:
            if not authorises(rat, rule, owner):
                return rule
        installed = chosen(self._ask_card("get_profiles_info", "5.7.15"), "profileInfoListOk", "5.7.15")
        if "ppr1" in rules and any(_is_operational(profile) for profile in installed):
            # SGP.22 2.9.2.4: PPR1 may only come with the first operational profile.
            return "ppr1"
        return ""

    def prepare(self, session: Session, confirmation_code: str | None = None) -> bytes:
        """PrepareDownload and GetBoundProfilePackage; returns the bound profile package and keeps it in the session."""
        hash_cc = b""
        if session.confirmation_code_required and confirmation_code is not None:
            hash_cc = tlv.encode(0x04, self._hash_cc(confirmation_code, session))
        with reading("ES9+.AuthenticateClient", "5.6.3"):
            shown = Certificate(session.smdp_certificate)
        response = self._ask_card_with(
            "prepare_download",
            self._prepare_request(session, hash_cc),
            "downloadResponseError",
            "5.7.5",
            about=certificate_text("CERT.DPpb", shown),
        )
        with reading("ES10b.PrepareDownload", "5.7.5"):
            session.euicc_otpk = codec.decode("PrepareDownloadResponse", response)[1]["euiccSigned2"]["euiccOtpk"]
        transaction_id = session.transaction_id.hex().upper()
        try:
            answer = self._ask_server(
                session.server,
                "getBoundProfilePackage",
                {"transactionId": transaction_id, "prepareDownloadResponse": b64(response)},
                "5.6.2",
            )
        except ServerRefused as error:
            raise error.on_the_card(key_text(session)) from None
        session.bound_profile_package = octets_of(answer, "boundProfilePackage")
        return session.bound_profile_package

    def _hash_cc(self, confirmation_code: str, session: Session) -> bytes:
        return signatures.hash_cc(confirmation_code, session.transaction_id)

    def _prepare_request(self, session: Session, hash_cc: bytes) -> bytes:
        """PrepareDownloadRequest with the octets of the SM-DP+."""
        return tlv.encode(0xBF21, session.smdp_signed2 + session.smdp_signature2 + hash_cc + session.smdp_certificate)

    def install(self, session: Session) -> Installation:
        """Compare the metadata carried with those announced, then load every segment (SGP.22 2.5.5, 3.1.3.2-3)."""
        package = session.bound_profile_package
        try:
            with reading("ES9+.GetBoundProfilePackage", "5.6.2"):
                carried, segments = carried_metadata(package), self._segments(package)
            self._compare(session, carried)
        except UnreadableAnswer:
            self._load_broke_off(session)
            raise
        return read_installation(self._load(session, segments), _known(session), key_reused=session.key_reused)

    def _segments(self, package: bytes) -> list[bytes]:
        return segmentation.segments(package)

    def _compare(self, session: Session, carried: bytes) -> None:
        """What the package carries is what was announced and agreed to, else the session is cancelled (3.1.3.2)."""
        announced = _known(session)
        if carried == announced.octets:
            return
        with reading("ES9+.GetBoundProfilePackage", "5.5.3"):
            same_rules = Metadata.read(carried).policy_rules == announced.policy_rules
        reason = "metadataMismatch" if same_rules else "pprNotAllowed"
        self.cancel(session, reason)
        what = "metadata" if same_rules else "policy rules"
        raise DownloadCancelled(
            reason, f"the package carries other {what} than AuthenticateClient announced", "3.1.3.2"
        )

    def _load(self, session: Session, segments: list[bytes]) -> bytes:
        """Send the segments; returns the Profile Installation Result, which may come before the last of them."""
        step = "ES10b.LoadBoundProfilePackage"
        for number, segment in enumerate(segments):
            self._progress(step, number, len(segments))
            reply = self._isdr.send("load_bound_profile_package", segment)
            if not reply.ok:
                self._load_broke_off(session)
                raise EuiccRefused(step, f"{reply.sw:04X} at segment {number + 1}", "5.7.6")
            if reply.octets:
                return reply.octets
        self._load_broke_off(session)
        raise EuiccRefused(step, "no ProfileInstallationResult", "5.7.6")

    def _load_broke_off(self, session: Session) -> None:
        """Cancel for loadBppExecutionError (SGP.22 3.1.3.3); the session may already be gone on either side."""
        with suppress(LpaError, Es9Error):
            self.cancel(session, "loadBppExecutionError")

    def cancel(self, session: Session, reason: str) -> bytes:
        """Cancel the session on the eUICC, then on the SM-DP+; returns the CancelSessionResponse."""
        response = self._ask_card_with(
            "cancel_session",
            codec.encode("CancelSessionRequest", {"transactionId": session.transaction_id, "reason": reason}),
            "cancelSessionResponseError",
            "5.7.14",
        )
        self._ask_server(
            session.server,
            "cancelSession",
            {"transactionId": session.transaction_id.hex().upper(), "cancelSessionResponse": b64(response)},
            "5.6.5",
        )
        return response


def _known(session: Session) -> Metadata:
    if session.metadata is None:
        raise LpaError("Lpa", "the session has no metadata yet: authenticate first", "3.1.3")
    return session.metadata


def _is_operational(profile: dict[str, Any]) -> bool:
    return int(profile.get("profileClass", 2)) == 2
