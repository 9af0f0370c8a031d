"""ES2+ from the side of an operator, to provision an SM-DP+ (SGP.22 5.3, 6.5.2)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pytest_euicc.es9.binding import Es9Reply, JsonClient
from pytest_euicc.es9.tls import TlsSettings

PATH = "/gsma/rsp2/es2plus/"


class Es2Client(JsonClient):
    """An SM-DP+ seen from an operator. ICCIDs and EIDs are digits; what is None is left out.

    Args:
        url: ``https://host[:port]``.
        tls: its ``identity`` is what the operator shows.
        requester: functionRequesterIdentifier, an OID.
        protocol: version of SGP.22 in X-Admin-Protocol.
    """

    def __init__(self, url: str, tls: TlsSettings, requester: str = "2.999.100", protocol: str = "2.6.0") -> None:
        super().__init__(url, tls, PATH, protocol, "pytest-euicc")
        self._requester = requester

    def order(self, function: str, **fields: Any) -> Es9Reply:
        """Call a function with the header that every one has (SGP.22 6.5.1.3); raises Es9Error."""
        # Never used before, also by another run or process: a server may take a call with a known one for a retry.
        header = {"functionRequesterIdentifier": self._requester, "functionCallIdentifier": str(uuid4())}
        given = {name: value for name, value in fields.items() if value is not None}
        return self.call(function, {"header": header, **given})

    def download_order(
        self, iccid: str | None = None, *, profile_type: str | None = None, eid: str | None = None
    ) -> Es9Reply:
        """DownloadOrder (SGP.22 5.3.1): a profile by its ICCID or its type."""
        return self.order("downloadOrder", eid=eid, iccid=iccid, profileType=profile_type)

    def confirm_order(
        self,
        iccid: str,
        *,
        release: bool = True,
        eid: str | None = None,
        matching_id: str | None = None,
        confirmation_code: str | None = None,
    ) -> Es9Reply:
        """ConfirmOrder (SGP.22 5.3.2): empty matchingId for the default address, None lets the server make one."""
        return self.order(
            "confirmOrder",
            iccid=iccid,
            eid=eid,
            matchingId=matching_id,
            confirmationCode=confirmation_code,
            releaseFlag=release,
        )

    def cancel_order(
        self, iccid: str, *, final_status: str = "Available", eid: str | None = None, matching_id: str | None = None
    ) -> Es9Reply:
        """CancelOrder (SGP.22 5.3.3): the profile is then Available or Unavailable."""
        return self.order(
            "cancelOrder", iccid=iccid, eid=eid, matchingId=matching_id, finalProfileStatusIndicator=final_status
        )

    def release_profile(self, iccid: str) -> Es9Reply:
        """ReleaseProfile (SGP.22 5.3.4)."""
        return self.order("releaseProfile", iccid=iccid)
