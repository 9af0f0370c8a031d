"""What the LPA sends about its device in ctxParams1 (SGP.22 4.2, DeviceInfo)."""

from __future__ import annotations

from typing import Any

DEFAULT_DEVICE_INFO: dict[str, Any] = {
    # A TAC of the range that TS.06 keeps for test devices.
    "tac": bytes.fromhex("00440245"),
    "deviceCapabilities": {
        "gsmSupportedRelease": bytes([15, 0, 0]),
        "utranSupportedRelease": bytes([15, 0, 0]),
        "eutranEpcSupportedRelease": bytes([15, 0, 0]),
    },
}
"""A device that supports GSM, UTRAN and E-UTRAN, release 15; no IMEI."""
