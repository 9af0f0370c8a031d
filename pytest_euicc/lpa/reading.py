"""How the LPA reads answers of both sides; one that cannot be read is a separate error."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.lpa.errors import EuiccRefused, InstallationFailed, LpaError, UnreadableAnswer
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.lpa.outcomes import Installation
from pytest_euicc.rsp.certificates import CertificateFault

_TRANSACTION = re.compile(r"(?:[0-9A-Fa-f]{2}){1,16}")


@contextmanager
def reading(step: str, clause: str) -> Iterator[None]:
    """Raises UnreadableAnswer for an answer of one of the sides that cannot be read in this context.

    Certificates go through a library that has errors of its own for single fields.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, RecursionError, CertificateFault) as fault:
        reported = fault if isinstance(fault, codec.Asn1Error | tlv.TlvError | CertificateFault) else _one_line(fault)
        raise UnreadableAnswer(step, reported, clause) from fault


def transaction_of(answer: dict[str, Any]) -> bytes:
    """transactionId of an answer; raises UnreadableAnswer where it is not text of 1 to 16 octets in hex."""
    text = answer.get("transactionId")
    if not isinstance(text, str) or not _TRANSACTION.fullmatch(text):
        reported = f"transactionId is {ascii(text)[:60]}; expected text of 1 to 16 octets in hex"
        raise UnreadableAnswer("ES9+.InitiateAuthentication", reported, "5.6.1")
    return bytes.fromhex(text)


def chosen(reply: Reply, alternative: str, clause: str) -> Any:
    """The value of a CHOICE if it is the one that was hoped for; raises EuiccRefused for the other, an error."""
    choice, value = reply.value
    if choice != alternative:
        raise EuiccRefused(reply.function.full_name, error_name(value), clause)
    return value


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
    except (TypeError, ValueError):
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


def _one_line(fault: BaseException) -> str:
    return f"{type(fault).__name__} {ascii(str(fault))[:200]}"
