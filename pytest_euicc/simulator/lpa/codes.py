"""How the simulated LPA reads activation codes (SGP.22 4.1)."""

from __future__ import annotations

import re
from dataclasses import replace

from pytest_euicc.lpa.activation_code import MAXIMUM_LENGTH, ActivationCode
from pytest_euicc.simulator.lpa.base import Deviating

_HOST = re.compile(r"^https?://|/.*$|^[^@$]*@")


class Codes(Deviating):
    """Reads activation codes as our own LPA does, and otherwise where a defect says so."""

    def _activation(self, text: str) -> ActivationCode:
        prefix, _, code = text.strip().rpartition("LPA:")
        del prefix
        parts = code.split("$")
        if len(code) > MAXIMUM_LENGTH and self.defective("cuts-long-codes"):
            code = code[:MAXIMUM_LENGTH]
        if parts[0] != "1" and self.defective("takes-any-format"):
            code = "$".join(["1", *parts[1:]])
        if len(parts) > 2 and not parts[1] and self.defective("default-address-for-none"):
            parts[1] = str(self._isdr.get_euicc_configured_addresses().get("defaultDpAddress", ""))
            code = "$".join(parts)
        if len(parts) > 1 and _HOST.search(parts[1]) and self.defective("takes-part-of-address"):
            code = "$".join([parts[0], _HOST.sub("", _HOST.sub("", parts[1])), *parts[2:]])
        if len(parts) > 2 and parts[2] != parts[2].upper() and self.defective("folds-matching-id"):
            code = "$".join([*parts[:2], parts[2].upper(), *parts[3:]])
        if len(parts) > 4 and not parts[3] and self.defective("takes-flag-for-oid"):
            code = "$".join([*parts[:3], "2.999", ""])
        found = ActivationCode.parse(code)
        if found.matching_id and self.defective("cuts-matching-id"):
            found = replace(found, matching_id=found.matching_id[:6])
        return found
