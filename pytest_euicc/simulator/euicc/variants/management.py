"""Permitted variants of local profile management and of refusing requests (SGP.22 5.7.2, 5.7.16 to 5.7.21)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.simulator.variant import Variant

VARIANTS = (
    Variant("switches-with-the-refresh", "With refreshFlag a profile is enabled or disabled when REFRESH is through",
            "5.7.16, 5.7.17"),
    Variant("memory-back-at-reset", "The memory of a deleted profile is free after the next reset",
            "left open by 5.7.18"),
    Variant("rule-before-state-to-delete", "DeleteProfile looks at PPR2 before it looks whether the profile is enabled",
            "left open by 5.7.18"),
    Variant("rule-before-state-to-enable", "EnableProfile looks at PPR1 of the enabled profile first",
            "left open by 5.7.16"),
    Variant("profile-before-busy", "catBusy is answered for profiles that are there alone", "left open by 5.7.16"),
    Variant("profile-before-nickname", "SetNickname looks for the profile before it looks at the nickname",
            "left open by 5.7.21"),
    Variant("empty-nickname-is-kept", "A nickname that was removed is returned as an empty one",
            "left open by 5.7.21: a nickname has 0 to 64 characters"),
    Variant("malformed-is-an-error-result", "A request that cannot be read is answered with the function's own error",
            "left open by 5.7.2"),
    Variant("malformed-is-6a86", "A request that cannot be read is refused with 6A86", "left open by 5.7.2",
            frozenset({"malformed-is-an-error-result"})),
    Variant("unknown-function-is-6d00", "A function that is not there is refused with 6D00", "left open by 5.7.2"),
    Variant("unselected-is-6e00", "STORE DATA before the ISD-R is selected is refused with 6E00",
            "left open by 5.7.1"),
    Variant("wrong-block-is-6985", "A block out of order is refused with 6985", "left open by 5.7.2"),
)  # fmt: skip

ERROR_RESULTS: dict[int, tuple[str, Any]] = {
    0xBF3F: ("SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": "undefinedError"}),
    0xBF28: ("ListNotificationResponse", ("listNotificationsResultError", "undefinedError")),
    0xBF2B: ("RetrieveNotificationsListResponse", ("notificationsListResultError", "undefinedError")),
    0xBF30: ("NotificationSentResponse", {"deleteNotificationStatus": "undefinedError"}),
    0xBF2D: ("ProfileInfoListResponse", ("profileInfoListError", "incorrectInputValues")),
    0xBF31: ("EnableProfileResponse", {"enableResult": "undefinedError"}),
    0xBF32: ("DisableProfileResponse", {"disableResult": "undefinedError"}),
    0xBF33: ("DeleteProfileResponse", {"deleteResult": "undefinedError"}),
    0xBF34: ("EuiccMemoryResetResponse", {"resetResult": "undefinedError"}),
    0xBF29: ("SetNicknameResponse", {"setNicknameResult": "undefinedError"}),
}
"""The error of a function, by its tag, where it has one that fits any request."""
