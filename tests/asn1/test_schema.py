"""The view of the modules that vectors are checked against, and the cache it comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_euicc.asn1 import codec, modules, schema


def test_fields_of_a_sequence() -> None:
    node = codec.fields("EUICCInfo2")
    assert (node.kind, node.tag, node.fields[0].name) == ("SEQUENCE", 0xBF22, "profileVersion")
    tags = {entry.name: (entry.tag, entry.optional) for entry in node.fields}
    assert tags["ts102241Version"] == (0x86, True)
    assert tags["euiccCiPKIdListForSigning"] == (0xAA, False)
    assert tags["forbiddenProfilePolicyRules"] == (0x99, True)
    assert tags["ppVersion"] == (0x04, False)
    assert tags["sasAcreditationNumber"] == (0x0C, False)
    assert tags["additionalEuiccProfilePackageVersions"] == (0xAF, True)


def test_names_of_numbers_and_bits() -> None:
    result = codec.fields("EnableProfileResponse").field("enableResult")
    assert result is not None
    assert result.names["catBusy"] == 5
    assert codec.fields("RspCapability").names["serviceSpecificDataSupport"] == 5
    assert codec.fields("UICCCapability").names["suciCalculatorApi"] == 25
    assert codec.fields("CancelSessionReason").names["loadBppExecutionError"] == 5
    assert codec.fields("CatSupportedClasses").names["am"] == 38


@pytest.mark.parametrize(
    ("type_name", "path", "kind", "tag"),
    [
        ("DeviceInfo", "deviceCapabilities.deviceAdditionalFeatureSupport", "SEQUENCE", 0xAE),
        ("DeviceInfo", "deviceCapabilities.lpaSvn", "OCTET STRING", 0x8B),
        ("ProfileInfo", "profileState", "INTEGER", 0x9F70),
        ("ProfileInfo", "refArDo", "SEQUENCE OF", 0xBF76),
        ("ProfileInfo", "serviceSpecificDataStoredInEuicc", "SEQUENCE OF", 0xBF22),
        ("AuthenticateServerRequest", "serverSignature1", "OCTET STRING", 0x5F37),
        ("AuthenticateServerRequest", "serverCertificate", "OPAQUE", 0x30),
        ("LoadCRLRequest", "crl", "OPAQUE", 0xA0),
        ("SmdpSigned2", "bppEuiccOtpk", "OCTET STRING", 0x5F49),
        ("ProfileInstallationResult", "profileInstallationResultData.finalResult", "CHOICE", 0xA2),
        ("AuthenticateClientOk", "profileMetaData", "SEQUENCE", 0xBF25),
        ("ConfigureISDPRequest", "dpProprietaryData", "SEQUENCE", 0xB8),
        ("ISDRProprietaryApplicationTemplate", "lpaeSupport", "BIT STRING", 0x03),
        ("GetEuiccDataRequest", "tagList", "OCTET STRING", 0x5C),
    ],
)
def test_kinds_and_tags(type_name: str, path: str, kind: str, tag: int) -> None:
    node: codec.Node | None = codec.fields(type_name)
    for name in path.split("."):
        assert node is not None
        node = node.field(name)
    assert node is not None
    assert (node.kind, node.tag) == (kind, tag)


def test_constraints_and_defaults() -> None:
    assert codec.fields("TransactionId").size == ((1, 16),)
    rule = codec.fields("RefArDo").field("refDo")
    assert rule is not None
    assert rule.fields[0].size == ((20, 20), (32, 32))
    assert codec.fields("FileOffset").numbers == ((0, 65535),)
    profile_class = codec.fields("StoreMetadataRequest").field("profileClass")
    assert profile_class is not None
    assert (profile_class.default, profile_class.default.name) == (2, "operational")
    listed = codec.fields("ProfileInfo").field("profileClass")
    assert listed is not None
    assert (listed.optional, listed.default) == (True, None)


def test_elements_of_a_list() -> None:
    node = codec.fields("BoundProfilePackage").field("sequenceOf86")
    assert node is not None
    assert node.element is not None
    assert (node.tag, node.element.kind, node.element.tag) == (0xA3, "OCTET STRING", 0x86)


def test_a_choice_is_known_by_its_alternatives() -> None:
    assert codec.choice_tags("PendingNotification") == {0xBF37, 0x30}
    node = codec.fields("PendingNotification")
    assert (node.tag, node.explicit) == (None, False)
    assert node.takes(0xBF37)
    assert not node.takes(0xBF38)


def test_the_view_cannot_be_changed() -> None:
    node = codec.fields("PprIds")
    with pytest.raises(AttributeError):
        node.kind = "NULL"  # type: ignore[misc]
    with pytest.raises(TypeError):
        node.names["ppr3"] = 3  # type: ignore[index]


def test_unknown_types() -> None:
    with pytest.raises(KeyError, match="EUICCInfo3"):
        codec.fields("EUICCInfo3")


@pytest.mark.parametrize(
    "message",
    [
        *(
            "EuiccConfiguredAddresses",
            "SetDefaultDpAddress",
            "GetEuiccChallenge",
            "AuthenticateServer",
            "PrepareDownload",
        ),
        *("CancelSession", "ListNotification", "RetrieveNotificationsList", "NotificationSent", "LoadCRL", "GetRat"),
        *("ProfileInfoList", "EnableProfile", "DisableProfile", "DeleteProfile", "EuiccMemoryReset", "GetEuiccData"),
        *("SetNickname", "LpaeActivation", "InitiateAuthentication", "GetBoundProfilePackage"),
    ],
)
def test_requests_and_responses_share_their_tag(message: str) -> None:
    tag = codec.fields(f"{message}Request").tag
    assert tag is not None
    assert codec.fields(f"{message}Response").tag == tag


# ------------------------------------------------------------------ cache

SOURCES = [(Path(modules.__file__).parent / name).read_bytes() for name in modules.MODULES]


@pytest.fixture(scope="module")
def compiled() -> modules.Compiled:
    """The modules as asn1tools compiles them, which takes a second."""
    return modules._compile(SOURCES)


@pytest.fixture
def compilations(compiled: modules.Compiled, monkeypatch: pytest.MonkeyPatch) -> list[list[bytes]]:
    """The sources of every compilation in the test."""
    asked: list[list[bytes]] = []

    def compile_once(sources: list[bytes]) -> modules.Compiled:
        asked.append(sources)
        return compiled

    monkeypatch.setattr(modules, "_compile", compile_once)
    return asked


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache file in an empty cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = modules.cache_path(SOURCES)
    assert path is not None
    assert path.parent == tmp_path / "pytest-euicc"
    return path


def test_the_cache_is_written_once_and_read_back(cache: Path, compilations: list[list[bytes]]) -> None:
    first = modules.load()
    assert [entry.name for entry in cache.parent.iterdir()] == [cache.name]
    written = cache.read_bytes()
    second = modules.load()
    assert compilations == [SOURCES]
    assert second.types == first.types
    assert cache.read_bytes() == written
    node = schema.Schema(second).node("EUICCInfo2")
    assert node.tag == 0xBF22


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "not a pickle"])
def test_a_damaged_cache_is_made_anew(cache: Path, compilations: list[list[bytes]], damage: str) -> None:
    modules.load()
    whole = cache.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    octets = {"empty": b"", "cut": whole[:-7], "flipped": bytes(flipped), "not a pickle": b"x" * 100}[damage]
    cache.write_bytes(octets)
    assert modules.load().types["EUICCInfo2"]["type"] == "SEQUENCE"
    assert len(compilations) == 2
    assert cache.read_bytes() == whole


def test_the_cache_belongs_to_the_sources(cache: Path) -> None:
    assert modules.cache_path([*SOURCES[:-1], SOURCES[-1] + b"\n"]) != cache


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, compilations: list[list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert "EUICCInfo2" in modules.load().types
    assert compilations == [SOURCES]


def test_nothing_needs_asn1tools_when_the_cache_is_warm(cache: Path, compilations: list[list[bytes]]) -> None:
    modules.load()
    program = (
        "import sys; from pytest_euicc.asn1 import codec;"
        "codec.decode('GetEuiccInfo2Request', bytes.fromhex('BF2200'));"
        "assert 'asn1tools' not in sys.modules;"
        "codec.encode('GetEuiccInfo2Request', {});"
        "assert 'asn1tools' not in sys.modules"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(cache.parent.parent)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
