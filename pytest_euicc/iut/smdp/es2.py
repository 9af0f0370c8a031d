"""Profiles ordered from an SM-DP+ over ES2+, as an operator does (SGP.22 5.3)."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from pytest_euicc.conformance.engine.errors import CannotOffer
from pytest_euicc.conformance.files.inventory import Es2Plus, ProfileType
from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es9.binding import Es9Reply
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es9.es2plus import Es2Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.files import read_file
from pytest_euicc.iut.smdp.clients import Availability
from pytest_euicc.rsp import iccid as iccids
from pytest_euicc.rsp.certificates import Certificate, CertificateFault
from pytest_euicc.rsp.issuing import Identity

_LARGEST = 1 << 20
_CONFIRMED = ("Released", "Confirmed")
"""States that ConfirmOrder leaves a profile in."""


class IdentityError(PytestEuiccError):
    """The operator's certificate or key cannot be used; the message names the file and how to fix it."""


def matching_type(declared: Es2Plus, wish: OrderWish) -> ProfileType | None:
    """The type to order for a wish; None if ES2+ cannot express it or no type matches."""
    sayable = (
        wish.state in _CONFIRMED
        and wish.package is None
        and not wish.octets
        and (not wish.event or declared.smds_address is not None)
        and (wish.eid is not None or not (wish.by_eid or wish.event))
    )
    return next((each for each in declared.types if sayable and each.has_properties_of(wish)), None)


class Es2Provisioner:
    """Orders a profile for each wish and cancels the order when the next sequence starts.

    Args:
        declared: where, as whom, and what can be ordered.
        tls: trust, the operator's identity, time limits and name resolution.
    """

    def __init__(self, declared: Es2Plus, tls: TlsSettings) -> None:
        self._declared = declared
        self._client = Es2Client(declared.url, tls, declared.requester)
        self._tls = tls
        self._availability = Availability(declared.url)
        self._ordered: list[tuple[str, str | None]] = []

    def order(self, wish: OrderWish) -> HeldOrder | None:
        """Order a profile; None if no type matches.

        Raises:
            CannotOffer: the server refuses or cannot be reached.
        """
        chosen = matching_type(self._declared, wish)
        if chosen is None:
            return None
        eid = wish.eid.hex() if wish.eid else None
        try:
            self._availability.check(self._tls)
            digits = str(self._call("downloadOrder", eid=eid, profileType=chosen.type)["iccid"])
            self._ordered.append((digits, eid))
            matching_id = self._confirm(wish, digits, eid)
            iccid = iccids.to_octets(digits)
        except Es9Error as error:
            self._availability.record(error, self._tls)
            raise CannotOffer(f"ES2+: {error}") from error
        except (KeyError, ValueError) as error:
            raise CannotOffer(f"{self._client.url}: ES2+ answers that cannot be used: {error}") from error
        return HeldOrder(matching_id, wish.confirmation_code, iccid)

    def _confirm(self, wish: OrderWish, digits: str, eid: str | None) -> str:
        answer = self._call(
            "confirmOrder",
            iccid=digits,
            eid=eid,
            matchingId=wish.matching_id,
            confirmationCode=wish.confirmation_code,
            smdsAddress=self._declared.smds_address if wish.event else None,
            releaseFlag=wish.state == "Released",
        )
        return str(answer["matchingId"]) if wish.matching_id is None else wish.matching_id

    def _call(self, function: str, **fields: object) -> dict[str, object]:
        reply: Es9Reply = self._client.order(function, **fields)
        if reply.failed or reply.body is None:
            code = reply.status_code or f"HTTP {reply.status}"
            raise CannotOffer(f"{self._client.url}: ES2+ {function} was answered with {code} {reply.message}".rstrip())
        return reply.body

    def give_back(self) -> None:
        """Cancel the orders, so that the profiles can be ordered again; installed ones stay installed."""
        for digits, eid in self._ordered:
            try:
                self._client.cancel_order(digits, eid=eid)
            except Es9Error:
                break
        self._ordered.clear()

    def close(self) -> None:
        """Cancel the last orders and close the connections."""
        self.give_back()
        self._client.close()


def read_identity(path: Path) -> Identity:
    """Certificate, intermediate certificates and key from one PEM file; raises IdentityError."""
    try:
        pem = read_file(path, _LARGEST)
        certificates = [Certificate(each.public_bytes(Encoding.DER)) for each in x509.load_pem_x509_certificates(pem)]
        key = load_pem_private_key(pem, password=None)
    except OSError as error:
        raise IdentityError(f"{path}: {error.strerror}") from None
    except CertificateFault as fault:
        raise IdentityError(f"{path}: {fault}") from None
    except (ValueError, TypeError) as error:
        raise IdentityError(f"{path}: it must contain a certificate and its key in PEM: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityError(f"{path}: its key is not an EC key; an operator's certificate uses ECDSA (SGP.22 2.6.6)")
    if key.public_key().public_numbers() != certificates[0].public_key.public_numbers():
        raise IdentityError(f"{path}: the key does not belong to the first certificate")
    return Identity(certificates[0], key, tuple(certificates[1:]))
