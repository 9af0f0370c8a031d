"""The ES9+ functions of the simulated SM-DP+ by their names (SGP.22 5.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_euicc.simulator.smdp.core import SmdpCore
from pytest_euicc.simulator.smdp.es9plus import authentication, cancelling, download, notifications, wording
from pytest_euicc.simulator.smdp.http.status import Refusal

Function = Callable[[SmdpCore, Mapping[str, Any]], dict[str, Any] | None]

FUNCTIONS: dict[str, Function] = {
    "initiateAuthentication": authentication.initiate_authentication,
    "authenticateClient": authentication.authenticate_client,
    "getBoundProfilePackage": download.get_bound_profile_package,
    "handleNotification": notifications.handle_notification,
    "cancelSession": cancelling.cancel_session,
}
"""The ES9+ functions by the last part of their path."""


class SmdpService(SmdpCore):
    """An SM-DP+ without its transport; one thread at a time may use it."""

    def call(self, function: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Carry out a function of FUNCTIONS; the answer as the JSON binding has it, None for one without a body."""
        try:
            answer = FUNCTIONS[function](self, body)
        except Refusal as refusal:
            return {"header": wording.refused(refusal, self.variants)}
        return None if answer is None else {"header": wording.succeeded(self.variants), **answer}
