"""ES10a on the eUICC: the SM-DP+ and SM-DS addresses (SGP.22 5.7.3, 5.7.4)."""

from __future__ import annotations

from dataclasses import replace

from pytest_euicc.asn1 import codec
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.variants import information


def get_configured_addresses(core: EuiccCore, request: bytes) -> bytes:
    """The default SM-DP+ address if there is one, and the root SM-DS address."""
    codec.decode("EuiccConfiguredAddressesRequest", request)
    root = "other.ds.example.com" if core.defective("other-root-sds") else core.settings.root_sds
    value = {"rootDsAddress": root}
    if core.state.default_address and (core.channel == 1 or not core.defective("address-of-channel-1")):
        value["defaultDpAddress"] = core.state.default_address
    octets = codec.encode("EuiccConfiguredAddressesResponse", value)
    return information.vary_addresses(octets, core.varies) if core.variants else octets


def set_default_dp_address(core: EuiccCore, request: bytes) -> bytes:
    """Set or, with the empty string, remove the default SM-DP+ address."""
    address = codec.decode("SetDefaultDpAddressRequest", request)["defaultDpAddress"]
    if len(address) > information.LONGEST_HOST and core.varies("addresses-up-to-253"):
        return codec.encode("SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": "undefinedError"})
    if core.defective("cuts-addresses"):
        address = address[:128]
    lost = core.channel != 1 and core.defective("address-set-on-channel-1")
    if lost or core.defective("address-is-not-set"):
        return codec.encode("SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": "ok"})
    stays = bool(address and core.state.default_address) and core.defective("address-cannot-be-replaced")
    if not stays and (address or not core.defective("keeps-default-address")):
        core.state = replace(core.state, default_address=address)
    return codec.encode("SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": "ok"})


HANDLERS = {0xBF3C: get_configured_addresses, 0xBF3F: set_default_dp_address}
