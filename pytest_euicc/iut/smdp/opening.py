"""From options and a declaration to the SM-DP+ of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.inventory import https_url
from pytest_euicc.errors import OptionError
from pytest_euicc.iut.smdp.claims import Claims
from pytest_euicc.iut.smdp.es2 import Es2Provisioner, IdentityError, read_identity
from pytest_euicc.iut.smdp.remote import RemoteSmdp, Server
from pytest_euicc.iut.smdp.simulated import SimulatedSmdp
from pytest_euicc.options import SIMULATED, Options
from pytest_euicc.rsp.pki import Pki


def open_smdp(options: Options, pki: Any, declaration: Declaration) -> SimulatedSmdp | RemoteSmdp:
    """The SM-DP+ of the run, not yet started; raises OptionError, UnknownDefect or UnknownVariant."""
    server = smdp_server(options, declaration)
    if server is None:
        from pytest_euicc.simulator.defect import known_defects
        from pytest_euicc.simulator.smdp.defects import DEFECTS
        from pytest_euicc.simulator.smdp.variants import VARIANTS
        from pytest_euicc.simulator.variant import known_variants

        return SimulatedSmdp(
            pki,
            known_defects("--smdp-defect", options.smdp_defects, DEFECTS),
            known_variants("--smdp-variant", options.smdp_variants, VARIANTS),
        )
    if options.smdp_defects:
        raise OptionError(f"--smdp-defect is for the simulated SM-DP+, not for {server.urls['nist']}")
    if options.smdp_variants:
        raise OptionError(f"--smdp-variant is for the simulated SM-DP+, not for {server.urls['nist']}")
    return RemoteSmdp(
        server,
        pki,
        inventory=declaration.inventory,
        es2plus=_es2plus(declaration, server, pki),
        hook=options.provision,
        claims=Claims(options.claims),
    )


def smdp_server(options: Options, declaration: Declaration) -> Server | None:
    """URLs and address of the SM-DP+ of the run; None for the simulated one. Raises OptionError."""
    declared = declaration.addresses
    url = options.smdp or declared.nist or declared.brainpool or SIMULATED
    if url == SIMULATED:
        return None
    try:
        url = https_url(url)
    except ValueError:
        raise OptionError(f"--smdp {url}: write sim, or the URL of an SM-DP+ as https://host:port") from None
    return Server(
        {"nist": url, "brainpool": declared.brainpool or url},
        # An SM-DP+ address is a host name (SGP.22 4.1.1); a port is only part of the URL.
        declared.smdp or urlsplit(url).hostname or "",
        declared.resolve,
        options.smdp_timeout,
        options.smdp_wait,
    )


def _es2plus(declaration: Declaration, server: Server, pki: Pki) -> Es2Provisioner | None:
    declared = declaration.es2plus
    if declared is None:
        return None
    try:
        identity = read_identity(declared.identity) if declared.identity is not None else None
    except IdentityError as error:
        raise OptionError(f"--smdp-declaration: es2plus.identity: {error}") from None
    return Es2Provisioner(declared, replace(server.tls(pki), identity=identity))
