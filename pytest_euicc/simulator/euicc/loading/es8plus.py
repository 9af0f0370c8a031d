"""The functions of ES8+ on the eUICC: what each request must be, and its error otherwise (SGP.22 5.5, 2.5.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bpp import AES
from pytest_euicc.rsp.bsp import KEY_LENGTH, Bsp, SessionKeys, derive
from pytest_euicc.simulator.euicc.es10.session import AuthenticatedServer, Defective, PreparedDownload
from pytest_euicc.simulator.euicc.loading.tlv_stream import TlvStream

INSTALL_BOUND_PROFILE_PACKAGE = 1
LARGEST_PROPRIETARY_DATA = 128
_SECURE_CHANNEL = "initialiseSecureChannel"
_STORE_METADATA = 0xBF25


class LoadFault(Exception):
    """The load ends with an error result: names of BppCommandId and ErrorReason (SGP.22 2.5.6)."""

    def __init__(self, command: str, reason: str, sima_response: bytes | None = None) -> None:
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason
        self.sima_response = sima_response


@dataclass(frozen=True)
class LoadSession:
    """What a load rests on: the session that AuthenticateServer and PrepareDownload left, and the EID, 16 octets."""

    server: AuthenticatedServer
    download: PreparedDownload
    eid: bytes


def initialise_secure_channel(part: bytes, session: LoadSession, defective: Defective) -> Bsp:
    """Take an InitialiseSecureChannelRequest, BF23 (SGP.22 5.5.1); returns the channel that it opens.

    Raises:
        LoadFault: the first check that fails.
    """
    try:
        request = codec.decode("InitialiseSecureChannelRequest", part)
    except codec.Asn1Error:
        raise LoadFault(_SECURE_CHANNEL, "incorrectInputValues") from None
    if not _signed(part, request["smdpSign"], session, defective):
        raise LoadFault(_SECURE_CHANNEL, "invalidSignature")
    if request["transactionId"] != session.server.transaction_id and not defective("ignores-isc-transaction"):
        raise LoadFault(_SECURE_CHANNEL, "invalidTransactionId")
    unknown = int(request["remoteOpId"]) != INSTALL_BOUND_PROFILE_PACKAGE
    if unknown and not defective("ignores-remote-operation"):
        raise LoadFault(_SECURE_CHANNEL, "unsupportedRemoteOperationType")
    template = request["controlRefTemplate"]
    _check_template(template, defective)
    curve = session.download.one_time_key.private_key.curve
    if defective("secure-channels-on-p-256-only") and not isinstance(curve, ec.SECP256R1):
        raise LoadFault(_SECURE_CHANNEL, "unsupportedCrtValues")
    try:
        secret = signatures.shared_secret(session.download.one_time_key.private_key, request["smdpOtpk"])
    except ValueError:
        if not defective("accepts-any-point"):
            raise LoadFault(_SECURE_CHANNEL, "incorrectInputValues") from None
        secret = bytes(32)
    eid = bytes(16) if defective("binds-to-no-eid") else session.eid
    return Bsp(derive(secret, AES, KEY_LENGTH, template["hostId"], eid))


def _signed(part: bytes, signature: bytes, session: LoadSession, defective: Defective) -> bool:
    """True if smdpSign covers the request as received and the eUICC's one-time key, by the key of CERT.DPpb."""
    if defective("ignores-smdp-sign"):
        return True
    pieces = {piece.tag: piece.octets for piece in tlv.parse(part).children()}
    keys = [session.download.one_time_key.public_key]
    if defective("takes-smdp-sign-over-an-empty-key"):
        keys.append(bytes(len(keys[0])))
    fields = pieces[0x82] + pieces[0x80] + pieces[0xA6] + pieces[0x5F49]
    covered = [fields + tlv.encode(0x5F49, key) for key in keys]
    signers = [session.download.certificate]
    if defective("takes-smdp-sign-of-dpauth"):
        signers.append(session.server.certificate)
    return any(signatures.verify(signer.public_key, octets, signature) for signer in signers for octets in covered)


def _check_template(template: dict[str, bytes], defective: Defective) -> None:
    wrong_type = template["keyType"] != bytes([AES]) and not defective("ignores-key-type")
    wrong_length = template["keyLen"] != bytes([KEY_LENGTH]) and not defective("ignores-key-length")
    wrong_host = defective("wants-host-id-of-16-octets") and len(template["hostId"]) != 16
    wrong_host = wrong_host or (defective("refuses-host-ids-of-one-octet") and len(template["hostId"]) == 1)
    if wrong_type or wrong_length or wrong_host:
        raise LoadFault(_SECURE_CHANNEL, "unsupportedCrtValues")


def configure_isdp(plain: bytes, oid: str | None, defective: Defective) -> dict[str, Any]:
    """Take a ConfigureISDPRequest, BF24 (SGP.22 5.5.2).

    Args:
        oid: of the SM-DP+. dpOid may be any in the tree of the SM-DP+ that made the profile, so it is not compared.
    """
    wrong = LoadFault("configureISDP", "incorrectInputValues")
    try:
        request: dict[str, Any] = codec.decode("ConfigureISDPRequest", plain)
    except (codec.Asn1Error, tlv.TlvError):
        if defective("configures-by-any-request"):
            return {}
        raise wrong from None
    if "dpProprietaryData" not in request:
        if defective("configure-isdp-wants-data"):
            raise wrong
        return request
    # Tag and length count as well.
    size = len(tlv.parse(plain).children()[0].octets)
    limit = LARGEST_PROPRIETARY_DATA - (4 if defective("counts-proprietary-data-twice") else 0)
    if size > limit and not defective("accepts-long-proprietary-data"):
        raise wrong
    if request["dpProprietaryData"]["dpOid"] != oid:
        if defective("dp-oid-is-that-of-the-certificate"):
            raise wrong
        below = str(request["dpProprietaryData"]["dpOid"]).startswith(f"{oid}.")
        if not below and defective("other-dp-oid-is-a-security-error"):
            raise LoadFault("configureISDP", "scp03tSecurityError")
    return request


def store_metadata(plain: bytes, defective: Defective) -> dict[str, Any]:
    """Take a StoreMetadataRequest, BF25, put together of its segments (SGP.22 5.5.3)."""
    wrong = LoadFault("storeMetadata", "incorrectInputValues")
    if defective("takes-cut-metadata"):
        plain = _whole_elements(plain)
    if defective("cuts-long-names"):
        plain = _with_short_names(plain)
    try:
        received = codec.receive("StoreMetadataRequest", plain)
    except (codec.Asn1Error, tlv.TlvError):
        raise wrong from None
    if received.unknown and defective("refuses-unknown-metadata"):
        raise wrong
    value: dict[str, Any] = received.value
    return value


def _with_short_names(metadata: bytes) -> bytes:
    """The request with its names cut to what their types allow."""
    limits = {0x91: 32, 0x92: 64}
    parts = [
        tlv.encode(part.tag, part.value[: limits.get(part.tag)]) if part.tag in limits else part.octets
        for part in tlv.parse(metadata).children()
    ]
    return tlv.encode(_STORE_METADATA, b"".join(parts))


def _whole_elements(metadata: bytes) -> bytes:
    """The request with those of its elements that are whole."""
    stream = TlvStream()
    stream.pending = metadata
    stream.open()
    parts = b""
    while stream.pending and (part := stream.take()) is not None:
        parts += part
    return tlv.encode(_STORE_METADATA, parts)


def replace_session_keys(plain: bytes, defective: Defective) -> SessionKeys:
    """Take a ReplaceSessionKeysRequest, BF26 (SGP.22 5.5.4); the new keys have the length of those they replace."""
    try:
        request = codec.decode("ReplaceSessionKeysRequest", plain)
    except (codec.Asn1Error, tlv.TlvError):
        raise LoadFault("replaceSessionKeys", "incorrectInputValues") from None
    keys = [request["ppkEnc"], request["ppkCmac"]]
    chaining = request["initialMacChainingValue"]
    if defective("cuts-long-keys"):
        keys = [key[:KEY_LENGTH] for key in keys]
    if defective("fills-up-chaining-values"):
        chaining = chaining.ljust(KEY_LENGTH, b"\0")[:KEY_LENGTH]
    if {len(octets) for octets in (*keys, chaining)} != {KEY_LENGTH}:
        raise LoadFault("replaceSessionKeys", "incorrectInputValues")
    return SessionKeys(encryption=keys[0], mac=keys[1], chaining_value=chaining)
