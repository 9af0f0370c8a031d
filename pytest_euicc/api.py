"""The public API: these names and their signatures are stable, all other modules may change.

A package brings its own actions, states, checks and options with a module under the entry point group
``pytest_euicc.actions``, transports with functions under ``pytest_euicc.transports``: docs/examples/vendor_package.
"""

from __future__ import annotations

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.card.channel import Card, LogicalChannel
from pytest_euicc.card.errors import CardError, PowerLost
from pytest_euicc.card.transport import (
    RemovableTransport,
    SectionedTransport,
    SnapshotTransport,
    Transport,
    TransportOptions,
    open_transport,
)
from pytest_euicc.conformance.engine.arguments import ChannelAs, Hex, HexOctet, Makes, SaveAs, Uses
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import (
    CannotOffer,
    InconclusiveError,
    NotPermitted,
    NotReachable,
    Refused,
    SetupIncomplete,
    VectorMistake,
)
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.operator import OperatorAnswer, OperatorRequest
from pytest_euicc.conformance.engine.registry import action, check, state
from pytest_euicc.conformance.files.features import register_option
from pytest_euicc.conformance.files.observations import Observation
from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import (
    ANY,
    BOOLEAN,
    NUMBER,
    OCTETS,
    TEXT,
    Shape,
    asn1_shape,
    listing,
    mapping,
)
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.fixtures import SequenceRun

__all__ = [
    "ANY",
    "BOOLEAN",
    "NUMBER",
    "OCTETS",
    "TEXT",
    "CannotOffer",
    "Card",
    "CardError",
    "ChannelAs",
    "CommandApdu",
    "Context",
    "HeldOrder",
    "Hex",
    "HexOctet",
    "InconclusiveError",
    "Isdr",
    "LogicalChannel",
    "Makes",
    "Message",
    "Mismatch",
    "NotPermitted",
    "NotReachable",
    "Observation",
    "OperatorAnswer",
    "OperatorRequest",
    "OrderWish",
    "Outcome",
    "PowerLost",
    "PytestEuiccError",
    "Refused",
    "RemovableTransport",
    "ResponseApdu",
    "SaveAs",
    "SectionedTransport",
    "SequenceRun",
    "SetupIncomplete",
    "Shape",
    "SnapshotTransport",
    "Transport",
    "TransportOptions",
    "Uses",
    "VectorMistake",
    "action",
    "asn1_shape",
    "check",
    "listing",
    "mapping",
    "open_transport",
    "register_option",
    "state",
]
