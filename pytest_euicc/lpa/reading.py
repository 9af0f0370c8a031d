"""How the LPA reads answers of both sides; one that cannot be read is a separate error."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.lpa.errors import EuiccRefused, InstallationFailed, LpaError, UnreadableAnswer
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.lpa.outcomes import Installation
from pytest_euicc.rsp.certificates import CertificateFault


@contextmanager
def reading(step: str, clause: str) -> Iterator[None]:
    """Raises UnreadableAnswer for an answer of one of the sides that cannot be read in this context."""
    try:
        yield
    except (codec.Asn1Error, tlv.TlvError, CertificateFault) as fault:
        raise UnreadableAnswer(step, fault, clause) from fault


def read_reply(reply: Reply, clause: str) -> Reply:
    """A reply that has a value; raises UnreadableAnswer, or EuiccRefused where there is only a status word."""
    if reply.fault is not None:
        raise UnreadableAnswer(reply.function.full_name, reply.fault, clause)
    if reply.received is None:
        raise EuiccRefused(reply.function.full_name, f"status {reply.sw:04X}", clause)
    return reply


def b64(octets: bytes) -> str:
    """Base64 as the JSON binding has it (SGP.22 6.5.2)."""
    return base64.b64encode(octets).decode("ascii")


def octets_of(answer: dict[str, Any], name: str) -> bytes:
    """The octets of a base64 field of an answer; raises LpaError where it is missing or not base64."""
    try:
        return base64.b64decode(answer[name], validate=True)
    except KeyError:
        raise LpaError("ES9+", f"the answer has no {name}", "6.5.2") from None
    except (binascii.Error, TypeError, ValueError):
        raise LpaError("ES9+", f"{name} is not base64", "6.5.2") from None


def error_name(value: Any) -> object:
    """The name of an error value, with or without a transactionId."""
    if isinstance(value, dict):
        codes = [code for name, code in value.items() if name.lower().endswith("errorcode")]
        value = codes[0] if codes else value
    return _name(value)


def read_installation(result: bytes, metadata: Metadata, *, key_reused: bool) -> Installation:
    """Read a ProfileInstallationResult; raises InstallationFailed for an error result."""
    with reading("ES10b.LoadBoundProfilePackage", "5.7.6"):
        data = codec.decode("ProfileInstallationResult", result)["profileInstallationResultData"]
    number = int(data["notificationMetadata"]["seqNumber"])
    choice, outcome = data["finalResult"]
    if choice == "errorResult":
        raise InstallationFailed(str(_name(outcome["bppCommandId"])), str(_name(outcome["errorReason"])), number)
    return Installation(result, metadata, metadata.iccid, bytes(outcome["aid"]), number, key_reused)


def _name(number: Any) -> object:
    return getattr(number, "name", None) or number
