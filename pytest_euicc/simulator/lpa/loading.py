"""The segments of a package on their way to the card (SGP.22 2.5.5, 3.1.3.3)."""

from __future__ import annotations

from pytest_euicc.asn1 import tlv
from pytest_euicc.lpa.errors import DownloadCancelled, EuiccRefused, UnreadableAnswer
from pytest_euicc.lpa.outcomes import Installation, Session
from pytest_euicc.rsp import bpp
from pytest_euicc.simulator.lpa.downloading import Downloading

_STEP = "ES10b.LoadBoundProfilePackage"


class Loading(Downloading):
    """Cuts and sends a package as our own LPA does, and otherwise where a defect says so."""

    def _segments(self, package: bytes) -> list[bytes]:
        if self.defective("sends-any-structure"):
            return bpp.segments(package)
        cut = super()._segments(package)
        heads = [number for number, segment in enumerate(cut) if segment[0] in (0xA1, 0xA3)]
        if self.defective("whole-package-in-one-chain"):
            return [package]
        if self.defective("head-alone"):
            size = len(tlv.parse(package).header)
            return [cut[0][:size], cut[0][size:], *cut[1:]]
        if self.defective("joins-heads-with-elements"):
            joined = list(cut)
            for number in reversed(heads):
                joined[number : number + 2] = [joined[number] + joined[number + 1]]
            return joined
        if self.defective("leaves-heads-out"):
            return [segment for number, segment in enumerate(cut) if number not in heads]
        if len(cut) > 6 and self.defective("joins-elements"):
            return [*cut[:-2], cut[-2] + cut[-1]]
        if self.defective("splits-elements"):
            half = len(cut[-1]) // 2
            return [*cut[:-1], cut[-1][:half], cut[-1][half:]]
        if self.defective("element-of-87-alone"):
            (first,) = (number for number, segment in enumerate(cut) if segment[0] == 0xA0)
            size = len(tlv.parse(cut[first]).header)
            return [*cut[:first], cut[first][:size], cut[first][size:], *cut[first + 1 :]]
        return cut

    def _load(self, session: Session, segments: list[bytes]) -> bytes:
        """As in Lpa, with what defects do after a refusal or a result."""
        found = b""
        disk = self._setting.disk
        if disk.segments and self.defective("goes-on-with-killed-load"):
            segments = disk.segments
        for number, segment in enumerate(segments):
            self._progress(_STEP, number, len(segments))
            if self._setting.aborted:
                self._abort(session, number)
            disk.segments = segments[number + 1 :]
            if number == 2 and self.defective("reads-card-in-load"):
                self._isdr.call("get_euicc_info1")
            reply = self._isdr.send("load_bound_profile_package", segment)
            if not reply.ok:
                if self.defective("goes-on-after-refused-segment"):
                    continue
                self._load_broke_off(session)
                raise EuiccRefused(_STEP, f"{reply.sw:04X} at segment {number + 1}", "5.7.6")
            if reply.octets:
                found = found or reply.octets
                if not self.defective("goes-on-after-result"):
                    return found
        if found:
            return found
        self._load_broke_off(session)
        raise EuiccRefused(_STEP, "no ProfileInstallationResult", "5.7.6")

    def _abort(self, session: Session, number: int) -> None:
        """The user aborted the download; once the load has begun it may be brought to its end."""
        if number == 0 and not self.defective("loads-after-abort"):
            self.cancel(session, "endUserRejection")
        elif number and self.defective("abort-leaves-load"):
            pass
        elif number and self.varies("aborts-load"):
            self.cancel(session, "endUserRejection")
        else:
            return
        raise DownloadCancelled("endUserRejection", "the end user aborted the download", "3.1.3.1")

    def _load_broke_off(self, session: Session) -> None:
        if not self.defective("leaves-broken-load"):
            super()._load_broke_off(session)

    def install(self, session: Session) -> Installation:
        """See Lpa."""
        try:
            return super().install(session)
        except (EuiccRefused, UnreadableAnswer):
            if session.metadata is not None and self.defective("success-without-result"):
                return Installation(b"", session.metadata, session.metadata.iccid, b"", 0)
            raise
