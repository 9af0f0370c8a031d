"""Consent, policy rules, confirmation code and cancelling as the simulated LPA does them (SGP.22 3.1.3)."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.errors import ConnectionBroken, Es9Error
from pytest_euicc.lpa.errors import EuiccRefused, LpaError, ServerRefused
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.lpa.outcomes import Es9, Installation, Session
from pytest_euicc.lpa.procedures import Code, Consent
from pytest_euicc.lpa.reading import b64
from pytest_euicc.simulator.lpa.authenticating import Authenticating

_WRONG_REASONS = {
    "rejection-is-postponed": ("endUserRejection", "postponed"),
    "postponed-is-rejection": ("postponed", "endUserRejection"),
    "timeout-is-rejection": ("timeout", "endUserRejection"),
    "ppr-is-rejection": ("pprNotAllowed", "endUserRejection"),
    "load-error-is-undefined": ("loadBppExecutionError", "undefinedReason"),
    "load-error-is-rejection": ("loadBppExecutionError", "endUserRejection"),
    "mismatch-is-rejection": ("metadataMismatch", "endUserRejection"),
}
"""Defects of the reason: what is meant, and what is said instead."""
_SHOWN = {
    "authenticate_server": ("authenticateClient", "authenticateServerResponse"),
    "prepare_download": ("getBoundProfilePackage", "prepareDownloadResponse"),
}
"""Functions of the card whose errors a server may be shown, and how."""


class Downloading(Authenticating):
    """What follows AuthenticateClient up to the package."""

    def download(self, code: Any, *, confirmation_code: Code = None, consent: Consent | None = None) -> Installation:
        """See Lpa."""
        self._consent, self._cancelled = consent, False
        try:
            try:
                done = super().download(code, confirmation_code=confirmation_code, consent=consent)
            except (ServerRefused, ConnectionBroken) as error:
                if not self._begins_anew(error):
                    raise
                done = super().download(code, confirmation_code=confirmation_code, consent=consent)
        except (ServerRefused, Es9Error):
            self._after_fault()
            raise
        if self.session is not None and self.defective("cancels-after-success"):
            with suppress(LpaError, Es9Error):
                self.cancel(self.session, "undefinedReason")
        return done

    def _begins_anew(self, error: Exception) -> bool:
        if isinstance(error, ServerRefused):
            wrong_code = error.subject == "8.2.7" and error.reason == "3.8"
            return wrong_code and self.varies("asks-for-code-again")
        return self.varies("begins-anew")

    def _after_fault(self) -> None:
        """A server refused or could not be asked: the session may be cancelled, with a reason that nobody decided."""
        if self.session is None or self._cancelled:
            return
        reason = ""
        if self.defective("cancels-faults-as-rejection"):
            reason = "endUserRejection"
        elif self.varies("cancels-after-refusals"):
            reason = "undefinedReason"
        if reason:
            with suppress(LpaError, Es9Error):
                self.cancel(self.session, reason)

    # ---------------------------------------------------------------- consent and policy rules

    def confirm(self, session: Session, consent: Consent | None = None) -> None:
        """See Lpa."""
        if consent is not None and self.defective("does-not-ask"):
            consent = None
        if consent is not None and self.varies("asks-when-package-is-there"):
            consent = None
        if consent is not None and self.defective("ignores-the-answer"):
            consent(session.metadata)  # type: ignore[arg-type]
            consent = None
        super().confirm(session, consent)

    def install(self, session: Session) -> Installation:
        """See Lpa."""
        consent = getattr(self, "_consent", None)
        if consent is not None and self.varies("asks-when-package-is-there"):
            super().confirm(session, consent)
        if consent is not None and session.metadata is not None and self.defective("ignores-late-rejection"):
            consent(session.metadata)
        return super().install(session)

    def _rules_refused(self, metadata: Metadata) -> str:
        rules = [rule for rule in metadata.policy_rules if rule != "pprUpdateControl"]
        if rules and self.defective("ignores-rules"):
            return ""
        if rules and self.varies("serves-no-rules"):
            return rules[0]
        refused = super()._rules_refused(metadata)
        if refused == "ppr1" and self.defective("ppr1-beside-other-profiles"):
            return ""
        return refused

    def _compare(self, session: Session, carried: bytes) -> None:
        if session.metadata is not None and carried != session.metadata.octets:
            rules = Metadata.read(carried).policy_rules != session.metadata.policy_rules
            if rules and self.defective("takes-changed-rules"):
                return
            if not rules and self.varies("takes-changed-names"):
                return
        super()._compare(session, carried)

    # ---------------------------------------------------------------- confirmation code

    def _fetch_and_install(self, session: Session, confirmation_code: Code) -> Installation:
        if session.confirmation_code_required:
            if self.defective("goes-on-without-code"):
                return self._without_code(session)
            given = confirmation_code
            return super()._fetch_and_install(session, lambda: self._entered(given))
        return super()._fetch_and_install(session, confirmation_code)

    def _entered(self, confirmation_code: Code) -> str | None:
        entered = confirmation_code() if callable(confirmation_code) else confirmation_code
        if self._memory.code is not None and self.defective("keeps-confirmation-code"):
            return self._memory.code
        self._memory.code = self._memory.code or entered
        return entered

    def _without_code(self, session: Session) -> Installation:
        self.prepare(session)
        return self.install(session)

    def _hash_cc(self, confirmation_code: str, session: Session) -> bytes:
        code = confirmation_code.encode()
        transaction = session.transaction_id
        if confirmation_code != confirmation_code.lstrip("0") and self.defective("code-without-leading-zeros"):
            code = confirmation_code.lstrip("0").encode()
        if confirmation_code != confirmation_code.upper() and self.defective("code-in-capitals"):
            code = confirmation_code.upper().encode()
        if self.defective("hashes-once"):
            return hashlib.sha256(code + transaction).digest()
        if self.defective("hashes-without-transaction"):
            return hashlib.sha256(hashlib.sha256(code).digest()).digest()
        if self.defective("hashes-text-of-transaction"):
            transaction = transaction.hex().upper().encode()
        return hashlib.sha256(hashlib.sha256(code).digest() + transaction).digest()

    def _prepare_request(self, session: Session, hash_cc: bytes) -> bytes:
        if hash_cc and self.defective("omits-hash"):
            hash_cc = b""
        if hash_cc and self.defective("hash-before-signature"):
            parts = session.smdp_signed2 + hash_cc + session.smdp_signature2 + session.smdp_certificate
            return tlv.encode(0xBF21, parts)
        return super()._prepare_request(session, hash_cc)

    def prepare(self, session: Session, confirmation_code: str | None = None) -> bytes:
        """See Lpa."""
        try:
            return super().prepare(session, confirmation_code)
        except ServerRefused as refused:
            if refused.subject == "8.2.7" and self.defective("tries-wrong-code-again"):
                super().prepare(session, confirmation_code)
            raise
        except ConnectionBroken:
            if not self.defective("prepares-again"):
                raise
        return super().prepare(session, confirmation_code)

    def _ask_server(self, server: Es9, function: str, body: dict[str, Any], clause: str) -> dict[str, Any]:
        if function == "getBoundProfilePackage" and self._memory.code and self.defective("sends-the-code"):
            body = body | {"confirmationCode": self._memory.code}
        return super()._ask_server(server, function, body, clause)

    def _ask_card_with(self, function: str, request: bytes, error: str, clause: str, about: str = "") -> bytes:
        try:
            return super()._ask_card_with(function, request, error, clause, about)
        except EuiccRefused as refused:
            if function in _SHOWN and refused.octets and self.varies("shows-errors-of-card"):
                name, member = _SHOWN[function]
                server, transaction = self._opened
                with suppress(LpaError, Es9Error):
                    self._ask_server(server, name, {"transactionId": transaction, member: b64(refused.octets)}, "5.6.3")
            raise

    # ---------------------------------------------------------------- cancelling

    def cancel(self, session: Session, reason: str) -> bytes:
        """See Lpa."""
        self._cancelled = True
        for name, (meant, said) in _WRONG_REASONS.items():
            if reason == meant and self.defective(name):
                reason = said
        if self.defective("cancels-with-other-transaction"):
            session = replace(session, transaction_id=session.transaction_id[::-1])
        if self.defective("does-not-cancel"):
            return b""
        if self.defective("cancels-at-server-first"):
            octets = codec.encode("CancelSessionResponse", ("cancelSessionResponseError", 127))
            self._tell_cancelled(session, octets)
        response = self._cancel_on_card(session, reason)
        if self.defective("cancels-on-card-alone"):
            return response
        self._tell_cancelled(session, response)
        if self.defective("cancels-twice"):
            self._tell_cancelled(session, response)
        return response

    def _cancel_on_card(self, session: Session, reason: str) -> bytes:
        request = codec.encode("CancelSessionRequest", {"transactionId": session.transaction_id, "reason": reason})
        return self._ask_card_with("cancel_session", request, "cancelSessionResponseError", "5.7.14")

    def _tell_cancelled(self, session: Session, response: bytes) -> None:
        if response and self.defective("cancels-with-octets-of-its-own"):
            response = codec.encode("CancelSessionResponse", ("cancelSessionResponseError", 127))
        body = {"transactionId": session.transaction_id.hex().upper(), "cancelSessionResponse": b64(response)}
        with suppress(ServerRefused):
            self._ask_server(session.server, "cancelSession", body, "5.6.5")
