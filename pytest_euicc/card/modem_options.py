"""What may follow the device of ``at:DEVICE``: how a modem is spoken to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pytest_euicc.card.errors import UnknownTransport


@dataclass(frozen=True)
class ModemOptions:
    """What may follow the device, as ``at:/dev/ttyUSB2,block=120,mode=csim``.

    Attributes:
        baud: of a real serial line; USB does not care.
        block: octets of a STORE DATA block and of a GET RESPONSE, for modems that take shorter lines (255).
        mode: ``cgla`` has the modem open logical channels (AT+CCHO, AT+CGLA, AT+CCHC), ``csim`` sends MANAGE CHANNEL
            to the card (AT+CSIM); ``auto`` takes cgla where the modem has it.
        cla: the channel in the class byte of what goes by AT+CGLA: ``session`` is the number of the session, ``basic``
            none. Modems that set the class byte themselves do not care.
        reset: ``cfun`` switches the card off and on (AT+CFUN=0, AT+CFUN=1); ``channels`` closes channels and resets
            nothing, for modems that leave the network or the bus by AT+CFUN.
    """

    baud: int = 115200
    block: int = 255
    mode: str = "auto"
    cla: str = "session"
    reset: str = "cfun"


_CHOICES = {"mode": ("auto", "cgla", "csim"), "cla": ("session", "basic"), "reset": ("cfun", "channels")}
_NUMBERS = {"baud": (300, 4_000_000), "block": (16, 255)}


def parse(argument: str) -> tuple[str, ModemOptions]:
    """Device and options of ``DEVICE,name=value,...``.

    Raises:
        UnknownTransport: there is no device, or an option that does not exist.
    """
    device, *given = argument.split(",")
    if not device:
        raise UnknownTransport("at: names no port; write at:/dev/ttyUSB2, or at:COM5 on Windows")
    known = {entry.name for entry in fields(ModemOptions)}
    chosen: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        numbers, choices = _NUMBERS.get(name), _CHOICES.get(name, ())
        if name not in known:
            raise UnknownTransport(f"at:{argument}: no option {name!r}; available: {', '.join(sorted(known))}")
        if numbers and not (value.isdecimal() and numbers[0] <= int(value) <= numbers[1]):
            raise UnknownTransport(f"at:{argument}: {name} is a number from {numbers[0]} to {numbers[1]}")
        if not numbers and value not in choices:
            raise UnknownTransport(f"at:{argument}: {name} is {' or '.join(choices)}")
        chosen[name] = int(value) if numbers else value
    return device, ModemOptions(**chosen)
