"""Permitted variants of proactive commands: what the card asks besides REFRESH, and how and when REFRESH comes."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant

_TIMES = frozenset({"refresh-with-the-next-command", "refresh-by-status"})

VARIANTS = (
    Variant("sets-up-events", "TERMINAL PROFILE is followed by SET UP EVENT LIST", "ETSI TS 102 223 6.4.16"),
    Variant("polls", "TERMINAL PROFILE is followed by POLL INTERVAL", "ETSI TS 102 223 6.4.6"),
    Variant("more-time-now-and-then", "Every fifth ES10 command is followed by MORE TIME", "ETSI TS 102 223 6.4.5"),
    Variant("refresh-with-the-next-command", "REFRESH is announced with the answer to the command that comes next",
            "left open by 3.2.1"),
    Variant("refresh-by-status", "REFRESH is announced with the answer to STATUS", "left open by 3.2.1",
            frozenset({"refresh-with-the-next-command"})),
    Variant("refresh-with-alpha-identifier", "REFRESH has a text to show", "ETSI TS 102 223 6.6.13"),
    Variant("refresh-with-file-list", "REFRESH has an empty list of files", "ETSI TS 102 223 6.6.13"),
    Variant("command-number-5", "Proactive commands have number 5", "ETSI TS 102 223 6.5.1"),
    Variant("no-comprehension-required", "Proactive commands do not ask for comprehension of their objects",
            "ETSI TS 102 223 9.3"),
    Variant("command-after-refresh", "REFRESH is followed by SET UP EVENT LIST", "left open by ETSI TS 102 223 6.4.7"),
    Variant("refresh-closes-channels", "When REFRESH is through all further channels are closed",
            "ETSI TS 102 223 6.4.7: the UICC may be reset"),
)  # fmt: skip
