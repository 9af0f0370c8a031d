"""ES10b.LoadEuiccPackage: what is checked, in which order, and the result that is signed and kept (SGP.32 5.9.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.iot import eims, signing, switching
from pytest_euicc.simulator.euicc.iot.operations import Run, result_octets
from pytest_euicc.simulator.euicc.iot.state import Eim, KeptResult, RollbackGrant
from pytest_euicc.simulator.euicc.loading.loading import NotAllowed
from pytest_euicc.simulator.euicc.variants import elements

_INVALID_EID, _REPLAY, _COUNTER_RANGE, _TOO_BIG, _ECALL_ACTIVE, _UNDEFINED = 3, 4, 6, 15, 104, 127
_LARGEST_TRANSACTION = 16
_SIGNATURE = 64
_MANY = 100
_KNOWN = frozenset({0x80, 0x5A, 0x81, 0x82, 0xA0, 0xA1})
_PARTS = (0x30, 0x5F37)
_ORDER = (0x80, 0x5A, 0x81, 0x82, 0xA0, 0xA1)
_LISTS = {0xA0: "Psmo", 0xA1: "Eco"}


@dataclass(frozen=True)
class Package:
    """A package as received, as far as it can be read.

    Attributes:
        signed: the signed part as received.
        lists: content octets of psmoList (A0) and ecoList (A1).
        unknown: it has elements that are not known.
    """

    signed: bytes
    signature: bytes
    eim_id: str
    eid: bytes
    counter: int
    transaction: bytes | None
    lists: dict[int, bytes]
    size: int
    unknown: bool

    @classmethod
    def parse(cls, request: bytes) -> Package:
        """Read BF51; raises TlvError or Asn1Error for one that says not even whose it is."""
        parts = tlv.parse(request).children()
        if not parts or parts[0].tag != 0x30:
            raise codec.Asn1Error("EuiccPackageRequest", "", None, "no signed part")
        signature = next((part.value for part in parts[1:] if part.tag == 0x5F37), b"")
        fields = {part.tag: part.value for part in parts[0].children()}
        try:
            eim_id = fields[0x80].decode()
        except (KeyError, UnicodeDecodeError):
            raise codec.Asn1Error("EuiccPackageSigned", "eimId", None, "no text") from None
        lists = {tag: fields[tag] for tag in _LISTS if tag in fields}
        unknown = bool(fields.keys() - _KNOWN)
        counter = int.from_bytes(fields.get(0x81, b""), "big", signed=True)
        eid, transaction = fields.get(0x5A, b""), fields.get(0x82)
        return cls(parts[0].octets, signature, eim_id, eid, counter, transaction, lists, len(request), unknown)

    def header(self, eim: Eim) -> dict[str, Any]:
        """What every signed answer repeats."""
        value: dict[str, Any] = {"eimId": eim.eim_id, "counterValue": self.counter}
        return value | ({} if self.transaction is None else {"eimTransactionId": self.transaction})


def load_euicc_package(core: EuiccCore, request: bytes) -> bytes:
    """Answer a package: an unsigned error, a signed error, or a signed result that is kept."""
    package = Package.parse(request)
    if core.state.iot.pending is not None and core.varies("iot-pending-refresh-refuses-packages"):
        raise NotAllowed
    if core.packages_blocked:
        return _unsigned_error(core, package, core.state.iot.eim(package.eim_id))
    odd = _is_odd(request)
    core.packages_blocked = odd and core.defective("iot-oddity-ends-packages")
    if odd and core.varies("iot-odd-encodings-are-refused"):
        raise codec.Asn1Error("EuiccPackageRequest", "", None, "not canonical DER")
    odd_signature = len(package.signature) != _SIGNATURE
    if odd_signature and core.varies("iot-odd-signature-is-refused"):
        raise codec.Asn1Error("EuiccPackageRequest", "eimSignature", None, "not 64 octets")
    if package.size > core.settings.sgp32.package_size and core.varies("iot-large-package-is-refused"):
        raise codec.Asn1Error("EuiccPackageRequest", "", None, "too large")
    if core.defective("iot-no-transaction-id"):
        package = replace(package, transaction=None)
    eim = core.state.iot.eim(package.eim_id)
    if eim is None and core.defective("iot-eim-by-prefix"):
        eim = next((known for known in core.state.iot.eims if known.eim_id.startswith(package.eim_id)), None)
    long = len(package.transaction or b"") > _LARGEST_TRANSACTION
    if long and core.defective("iot-cuts-transactions"):
        package, long = replace(package, transaction=(package.transaction or b"")[:_LARGEST_TRANSACTION]), False
    if eim is not None and long and core.varies("iot-long-transaction-is-signed-error"):
        data = codec.encode(
            "EuiccPackageErrorDataSigned",
            {"eimId": eim.eim_id, "counterValue": package.counter, "euiccPackageErrorCode": _UNDEFINED},
        )
        return signing.package_result(core, eim, data, 0xA1)
    if eim is None or long or not signing.verified(core, eim, package.signed, package.signature):
        if core.varies("iot-refused-package-ends-rollback"):
            switching.update(core, rollback=None)
        return _unsigned_error(core, package, eim)
    code = _check(core, package, eim)
    if len(package.lists) > 1 and core.varies("iot-second-list-is-ignored"):
        package = replace(package, lists={0xA0: package.lists[0xA0]})
    if len(package.lists) > 1 and core.defective("iot-takes-second-list"):
        package = replace(package, lists={0xA1: package.lists[0xA1]})
    odd = len(package.lists) != 1 or (package.unknown and core.varies("iot-unknown-elements-are-refused"))
    if not code and odd and core.varies("iot-odd-packages-get-no-signature"):
        return _unsigned_error(core, package, eim)
    damaged = odd and package.lists and core.varies("iot-odd-packages-are-damaged")
    if not code and (damaged or (_is_empty(package) and core.varies("iot-empty-package-is-damaged"))):
        return _run(core, replace(package, lists={0xA0: b"\xac\x00"}), eim)
    if not code and odd:
        code = _UNDEFINED
    if code:
        if core.varies("iot-errors-take-numbers"):
            core.state = replace(core.state, last_number=core.state.last_number + 1)
        data = codec.encode("EuiccPackageErrorDataSigned", package.header(eim) | {"euiccPackageErrorCode": code})
        if core.defective("iot-error-uses-up-counter"):
            core.state = replace(core.state, iot=core.state.iot.with_eim(replace(eim, counter=package.counter)))
        return signing.package_result(core, eim, data, 0xA1)
    return _run(core, package, eim)


def _is_odd(request: bytes) -> bool:
    """Whether what is not signed is not in its shortest form, something follows, or elements are out of order."""
    outer = tlv.parse(request)
    parts = outer.children()
    order = [part.tag for part in parts[0].children() if part.tag in _ORDER]
    shortest = tlv.encode(0xBF51, outer.value) == request
    return not shortest or len(parts) > len(_PARTS) or order != sorted(order, key=_ORDER.index)


def _unsigned_error(core: EuiccCore, package: Package, eim: Eim | None) -> bytes:
    value: dict[str, Any] = {"eimId": package.eim_id}
    reported = package.transaction is not None and len(package.transaction) <= _LARGEST_TRANSACTION
    if reported and not core.defective("iot-unsigned-error-without-transaction"):
        value["eimTransactionId"] = package.transaction
    if eim is not None and eim.token is not None and not core.defective("iot-unsigned-error-without-token"):
        value["associationToken"] = eim.token
    if core.defective("iot-unsigned-error-always-with-token"):
        value.setdefault("associationToken", 0)
    if core.defective("iot-unsigned-error-uses-up-counter") and eim is not None:
        core.state = replace(core.state, iot=core.state.iot.with_eim(replace(eim, counter=package.counter)))
    answer = codec.encode("EuiccPackageResult", ("euiccPackageErrorUnsigned", value))
    if core.varies("iot-unsigned-error-of-later-version"):
        inner = tlv.parse(answer).children()[0].value
        return tlv.encode(0xBF51, tlv.encode(0xA2, inner + b"\x8f\x01\x01"))
    return answer


def _check(core: EuiccCore, package: Package, eim: Eim) -> int:
    """The first error of a package whose signature is right, 0 without one."""
    iot, settings = core.state.iot, core.settings.sgp32
    replayed = package.counter <= eim.counter
    if core.defective("iot-takes-same-counter"):
        replayed = package.counter < eim.counter
    if core.defective("iot-counter-need-only-differ"):
        replayed = package.counter == eim.counter
    if core.defective("iot-one-counter-for-all"):
        replayed = package.counter <= max(known.counter for known in iot.eims)
    if replayed and core.defective("iot-replay-before-eid"):
        return _REPLAY
    if package.eid != core.settings.eid and not core.defective("iot-ignores-eid"):
        return _INVALID_EID
    if package.counter < 0 and core.varies("iot-negative-counter-is-out-of-range"):
        return _COUNTER_RANGE
    if package.counter > eims.LARGEST_COUNTER and not core.defective("iot-counter-without-limit"):
        return _REPLAY if core.defective("iot-counter-limit-is-replay") else _COUNTER_RANGE
    if replayed and not core.defective("iot-takes-replays"):
        return _REPLAY
    if package.size > settings.package_size and not core.defective("iot-takes-any-size"):
        return _TOO_BIG
    if iot.emergency is not None and not core.defective("iot-packages-in-emergency"):
        return _ECALL_ACTIVE
    empty = _is_empty(package) and core.varies("iot-empty-package-is-an-error")
    pending = iot.pending is not None and not core.defective("iot-runs-packages-before-refresh")
    return _UNDEFINED if pending or empty else 0


def _is_empty(package: Package) -> bool:
    return package.lists in ({0xA0: b""}, {0xA1: b""})


def _run(core: EuiccCore, package: Package, eim: Eim) -> bytes:
    settings = core.settings.sgp32
    counter = eim.counter if core.defective("iot-counter-does-not-move") else package.counter
    if core.defective("iot-counter-moves-by-one"):
        counter = eim.counter + 1
    core.state = replace(core.state, iot=core.state.iot.with_eim(replace(eim, counter=counter)))
    if not core.defective("iot-rollback-outlives-package"):
        switching.update(core, rollback=None)
    ((tag, operations),) = package.lists.items()
    run, results = Run(core, eim), b""
    for done, operation in enumerate(_split(operations)):
        if done == _MANY and core.defective("iot-drops-operations-beyond-hundred"):
            break
        result, goes_on = run.perform(operation, _LISTS[tag])
        octets = result_octets(core, result)
        if len(results) + len(octets) > settings.result_size and not core.defective("iot-result-of-any-size"):
            results += result_octets(core, ("processingTerminated", 1))
            run.abandoned = core.defective("iot-overflow-undoes-enable")
            break
        passed_over = result[0] == "processingTerminated" and core.defective("iot-passes-over-unknown-operations")
        if passed_over:
            continue
        results += octets
        if not goes_on and not core.defective("iot-runs-on-after-failure"):
            ends = result[0] == "processingTerminated"
            if not ends and core.varies("iot-failure-is-followed-by-termination"):
                results += result_octets(core, ("processingTerminated", 127))
            break
    if core.defective("iot-results-in-reverse"):
        results = b"".join(reversed([part.octets for part in tlv.parse_all(results)]))
    number = core.next_number() + (4 if core.varies("iot-numbers-with-gaps") else 0)
    if core.defective("iot-results-numbered-apart"):
        number = len(core.state.iot.results) + 1
    data = _result_data(core, package, eim, number, results)
    answer = signing.package_result(core, eim, data, 0xA0)
    _keep(core, number, answer)
    _finish(core, run, package, eim, number)
    return answer


def _split(operations: bytes) -> list[bytes]:
    """The operations of a list; what cannot be split is one that cannot be read."""
    found: list[bytes] = []
    at = 0
    while at < len(operations):
        try:
            element = tlv.read(operations, at)
        except tlv.TlvError:
            return [*found, operations[at:]]
        found.append(element.octets)
        at = element.end
    return found


def _result_data(core: EuiccCore, package: Package, eim: Eim, number: int, results: bytes) -> bytes:
    header = package.header(eim)
    if core.defective("iot-result-names-next-counter"):
        header["counterValue"] += 1
    if core.defective("iot-result-names-first-eim"):
        header["eimId"] = (core.state.iot.eims or (eim,))[0].eim_id
    value = header | {"seqNumber": number, "euiccResult": []}
    whole = tlv.parse(codec.encode("EuiccPackageResultDataSigned", value))
    parts = b"".join(part.octets for part in whole.children()[:-1])
    made = tlv.encode(0x30, parts + tlv.encode(0x30, results))
    return elements.extended(made) if core.varies("iot-result-with-unknown-element") else made


def _keep(core: EuiccCore, number: int, answer: bytes) -> None:
    settings = core.settings.sgp32
    core.state = replace(core.state, last_number=max(number, core.state.last_number))
    if core.defective("iot-keeps-no-result"):
        return
    if core.defective("iot-kept-result-differs"):
        answer = answer[:-1] + bytes([answer[-1] ^ 1])
    kept = (*core.state.iot.results, KeptResult(number, answer))
    dropped = kept[-settings.results_kept :]
    if core.defective("iot-drops-newest-result"):
        dropped = kept[: settings.results_kept]
    if core.defective("iot-keeps-one-result"):
        dropped = kept[-1:]
    switching.update(core, results=dropped)


def _finish(core: EuiccCore, run: Run, package: Package, eim: Eim, number: int) -> None:
    """What the package planned takes effect with the REFRESH."""
    for iccid in run.deleted_last:
        profile = core.state.find(("iccid", iccid))
        if profile is not None and not core.defective("iot-delete-has-no-effect"):
            switching.remove(core, profile)
    for eim_id in run.eims_deleted_last:
        eims.delete(core, eim_id)
    if run.rollback is not None:
        grant = RollbackGrant(eim, package.counter, package.transaction, run.rollback, number)
        switching.update(core, rollback=grant)
    change = None if run.abandoned else run.change
    if change is not None:
        if not core.defective("iot-return-outlives-package"):
            switching.update(core, return_to=None)
        switching.change(core, change, refresh=True)
    elif core.defective("iot-always-refreshes"):
        core.refresh = 0x09
