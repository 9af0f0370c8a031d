"""What all parts of the simulated eUICC share: state, settings, keys, defects, the RSP session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.errors import PowerLost
from pytest_euicc.ota.sms import Message
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.pki import Identity, Pki
from pytest_euicc.rsp.rat import PPRS
from pytest_euicc.simulator.euicc.es10.session import Credentials, OneTimeKey, RspSession
from pytest_euicc.simulator.euicc.iot.state import Installed, IotState
from pytest_euicc.simulator.euicc.loading.installer import Installer
from pytest_euicc.simulator.euicc.settings import EuiccSettings, ProfileSettings, owner_value
from pytest_euicc.simulator.euicc.state import (
    EVENTS,
    CardState,
    Notification,
    Profile,
    named_bits,
    notification_metadata,
)
from pytest_euicc.simulator.euicc.uicc.filesystem import Files
from pytest_euicc.simulator.euicc.uicc.profile_files import EF_ARR, EF_DIR, EF_UST, preinstalled_files
from pytest_euicc.simulator.euicc.variants import contacts, elements, lists

REFRESH_UICC_RESET = 0x04
REFRESH_PROFILE_STATE_CHANGE = 0x09
FIRST_ISDP, LAST_ISDP = 0x1000, 0xFFFF
_KEPT_KEYS = 4
_CHANGING = frozenset({0xBF58, 0xBF5A, 0xBF5B, 0xBF5C, 0xBF5D, 0xBF5E})
"""Functions of SGP.32 by which the IPA changes profile states."""
_EMPTIED = {"dir-names-nothing": EF_DIR, "no-access-rules": EF_ARR, "other-service-table": EF_UST}
"""Files of a profile that a defect empties."""


class EuiccCore:
    """The inside of the card. Volatile: session, installer, locked, refresh, proactive_session, messages."""

    def __init__(
        self,
        settings: EuiccSettings,
        pki: Pki,
        defects: frozenset[str],
        random: Callable[[int], bytes],
        now: Callable[[], datetime],
        variants: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self.defects = defects
        self.variants = variants
        self.random = random
        self._now = now
        eid = settings.eid
        if self.defective("signs-under-the-certificate-of-another-eid"):
            eid = eid[:-1] + bytes([eid[-1] ^ 0x01])
        self.credentials = _credentials(settings, pki, eid)
        self.writes_left: int | None = None
        self.power_lost = False
        self._state = personalised(settings)
        self._vary_state()
        self.session = RspSession()
        self.installer: Installer | None = None
        self.locked = False
        self.refresh: int | None = None
        self.proactive_session = False
        self.messages: dict[tuple[str, int, int], dict[int, Message]] = {}
        self.channel = 1
        self.resets = 0
        self.listings = 0
        self.memory_tellings = 0
        self._switch: Callable[[], object] | None = None
        self.removed: list[Notification] = []
        self.disabled_last: bytes | None = None
        self._enabled_at_reset: Profile | None = None
        self.installed: Installed | None = None
        self.immediately_enabled = False
        self.packages_blocked = False
        self.left_chain: tuple[bytes, int] = (b"", 0)
        self._first_challenge: bytes | None = None

    @property
    def state(self) -> CardState:
        """Everything that survives a reset."""
        return self._state

    @state.setter
    def state(self, changed: CardState) -> None:
        """Raises `PowerLost` where the power goes first; a variant carries the command out at the next start."""
        if self.writes_left is not None:
            self.power_lost = self.power_lost or self.writes_left == 0
            if self.power_lost and not self.varies("completes-after-power-loss"):
                raise PowerLost("sim: the power was cut inside a command")
            self.writes_left = max(0, self.writes_left - 1)
        self._state = changed

    def defective(self, name: str) -> bool:
        """True if a named deviation is switched on."""
        return name in self.defects

    def varies(self, name: str) -> bool:
        """True if a permitted variant is switched on."""
        return name in self.variants

    def _vary_state(self) -> None:
        """What variants find on the card from the start."""
        profiles = self.state.profiles
        if self.varies("isdp-aids-from-2000"):
            profiles = tuple(replace(p, aid=isdp_aid(0x2000 + at)) for at, p in enumerate(profiles))
        if self.varies("isdp-aids-backwards"):
            profiles = tuple(replace(p, aid=isdp_aid(FIRST_ISDP + 99 - at)) for at, p in enumerate(profiles))
        first = 8_000_000 if self.varies("numbers-from-a-high-one") else 0
        self.state = replace(self.state, profiles=profiles, last_number=first)
        if self.varies("results-from-before"):
            self.queue(lists.earlier_result(self.next_number(), self.identity()))
        if self.varies("notifications-from-before"):
            for event in ("enable", "disable", "delete"):
                self.notify(lists.former_profile(), event)

    def power_cycle(self) -> None:
        """Lose what is volatile."""
        interrupted = self.installer
        self.finish_switch()
        self.session, self.installer, self.refresh = RspSession(), None, None
        self.locked = interrupted is not None and self.defective("no-download-after-an-interruption")
        self.proactive_session = False
        self.packages_blocked = self.immediately_enabled = False
        if not self.defective("iot-immediate-survives-reset"):
            self.installed = None
        self.messages.clear()
        self.resets += 1
        state = replace(self.state, unreleased_memory=0) if self.state.unreleased_memory else self.state
        if self.defects:
            if interrupted is not None and self.defective("interruption-takes-memory"):
                state = replace(state, lost_memory=state.lost_memory + 1000)
            if interrupted is not None and interrupted.metadata and self.defective("keeps-half-a-profile"):
                metadata = {name: interrupted.metadata[name] for name in ("serviceProviderName", "profileName")}
                half = Profile(interrupted.metadata["iccid"], isdp_aid(LAST_ISDP), metadata=metadata)
                state = replace(state, profiles=(*state.profiles, half))
            if state.iot.eims and self.defective("iot-loses-eims"):
                state = replace(state, iot=replace(state.iot, eims=()))
            if state.iot.eims and self.defective("iot-loses-counters"):
                eims = tuple(replace(eim, counter=0) for eim in state.iot.eims)
                state = replace(state, iot=replace(state.iot, eims=eims))
            if state.iot.results and self.defective("iot-loses-results"):
                state = replace(state, iot=replace(state.iot, results=()))
            if state.iot.last_token and self.defective("iot-loses-last-token"):
                state = replace(state, iot=replace(state.iot, last_token=0))
            if state.iot.rollback and self.defective("iot-loses-rollback"):
                state = replace(state, iot=replace(state.iot, rollback=None))
            if state.iot.return_to and self.defective("iot-loses-return-profile"):
                state = replace(state, iot=replace(state.iot, return_to=None))
            if state.iot.emergency and self.defective("iot-loses-emergency"):
                state = replace(state, iot=replace(state.iot, emergency=None))
            if state.iot.immediate != IotState().immediate and self.defective("iot-loses-immediate"):
                state = replace(state, iot=replace(state.iot, immediate=IotState().immediate))
            if state.default_address and self.defective("loses-default-address"):
                state = replace(state, default_address="")
            if state.revocation and self.defective("loses-crl"):
                state = replace(state, revocation=())
            if state.notifications and self.defective("loses-notifications"):
                state = replace(state, notifications=())
            counted = any(profile.mno_sd and profile.mno_sd.counters for profile in state.profiles)
            if counted and self.defective("loses-ota-counter"):
                domains = ((p, replace(p.mno_sd, counters=()) if p.mno_sd else None) for p in state.profiles)
                state = replace(state, profiles=tuple(replace(p, mno_sd=domain) for p, domain in domains))
            if state.enabled is not None and self.defective("loses-profile-state"):
                state = replace(state, profiles=tuple(replace(p, enabled=False) for p in state.profiles))
            if state.enabled is None and self.defective("enables-at-reset"):
                enabled = (replace(p, enabled=p.aid == self.disabled_last) for p in state.profiles)
                state = replace(state, profiles=tuple(enabled))
            there = {profile.iccid for profile in state.profiles}
            gone = [profile for profile in personalised(self.settings).profiles if profile.iccid not in there]
            if gone and self.defective("undeletes-at-reset"):
                state = replace(state, profiles=(*state.profiles, *gone))
            if any(profile.nickname for profile in state.profiles) and self.defective("loses-nickname"):
                state = replace(state, profiles=tuple(replace(p, nickname=None) for p in state.profiles))
        self.state = state
        self._enabled_at_reset = state.enabled

    def switch(self, carry_out: Callable[[], object], *, refresh: bool) -> None:
        """Let a profile be enabled or disabled: at once, or with a variant once REFRESH or a reset is through."""
        self.finish_switch()
        if refresh and self.varies("switches-with-the-refresh"):
            self._switch = carry_out
        else:
            carry_out()

    def forget_switch(self) -> None:
        """What waited for REFRESH or a reset is not to be carried out."""
        self._switch = None

    def finish_switch(self) -> None:
        """Carry out what waited for REFRESH or a reset."""
        waiting, self._switch = self._switch, None
        if waiting is not None:
            waiting()

    @property
    def busy(self) -> bool:
        """True while a proactive session keeps profiles from being managed (catBusy, SGP.22 5.7.16)."""
        return self.settings.cat_busy and self.proactive_session and not self.defective("ignores-proactive-session")

    @property
    def changed_by_reset(self) -> bool:
        """With the defect of that name: what must stay the same is different after every other reset."""
        return self.defective("changes-at-reset") and self.resets % 2 == 0

    def malformed(self, tag: int) -> None:
        """A request could not be read; only defects do anything about it."""
        if tag == 0xBF3F and self.defective("malformed-address-clears"):
            self.state = replace(self.state, default_address="")
        if tag in (0xBF31, 0xBF32) and self.defective("malformed-identifier-disables"):
            disabled = tuple(replace(profile, enabled=False) for profile in self.state.profiles)
            self.state = replace(self.state, profiles=disabled)
        if tag in _CHANGING and self.defective("iot-malformed-change-disables"):
            disabled = tuple(replace(profile, enabled=False) for profile in self.state.profiles)
            self.state = replace(self.state, profiles=disabled)
        if tag == 0xBF33 and self.defective("malformed-identifier-deletes"):
            self.state = replace(self.state, profiles=())
        if tag == 0xBF30 and self.defective("malformed-removal-removes-all"):
            self.state = replace(self.state, notifications=())

    # ------------------------------------------------------------------ keys

    @property
    def time(self) -> datetime | None:
        """The time certificates are checked at; None without a clock."""
        return self._now() if self.settings.clock else None

    def identity(self) -> Identity:
        """The key pair that signs notifications: that of the first CI of the signing list."""
        return next(iter(self.credentials.identities.values()))

    def new_key(self, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
        """A fresh one-time key pair."""
        return signatures.private_key_from(self.random(32), curve)

    def keep_key(self, key: OneTimeKey) -> None:
        """Keep a one-time key pair until a load with it got through (SGP.22 5.7.5)."""
        if self.settings.reuse_keys or self.defective("always-uses-the-last-key"):
            self.forget_key(key)
            self.state = replace(self.state, kept_keys=(*self.state.kept_keys, key)[-_KEPT_KEYS:])

    def forget_key(self, key: OneTimeKey) -> None:
        """A key that was used for a profile is used no more."""
        kept = tuple(entry for entry in self.state.kept_keys if entry.public_key != key.public_key)
        self.state = replace(self.state, kept_keys=kept)

    def challenge(self) -> bytes:
        """A fresh challenge, 16 octets."""
        made = self.random(8 if self.defective("short-challenge") else 16)
        if self.defective("reuses-challenge"):
            self._first_challenge = made = self._first_challenge or made
        return made

    # ------------------------------------------------------------------ memory and files

    @property
    def free_memory(self) -> int:
        """Octets of non-volatile memory that are left."""
        unreported = self.defective("install-takes-no-memory")
        profiles = self.state.profiles[: len(self.settings.profiles) if unreported else None]
        taken = self.state.lost_memory + self.state.unreleased_memory + sum(profile.memory for profile in profiles)
        return max(0, self.settings.memory - taken)

    def files(self) -> Files:
        """The files of the enabled profile; none without one."""
        shown = self.state.enabled
        if self.defective("stale-files"):
            shown = self.state.profiles[0] if self.state.profiles else None
        if self.defective("files-change-at-reset"):
            shown = self._enabled_at_reset
        files = shown.files if shown else {}
        for name, identifier in _EMPTIED.items():
            if files and self.defective(name):
                files = {
                    path: replace(file, content=b"\xff" * len(file.content)) if path[-1] == identifier else file
                    for path, file in files.items()
                }
        return files

    # ------------------------------------------------------------------ notifications

    def notify(self, profile: Profile, event: str) -> None:
        """Queue one signed notification for every address configured for an event (SGP.22 3.5).

        Nobody hears of a test profile (2.4.5.3).
        """
        addresses = [] if profile.is_test and not self.defective("notifies-of-test") else profile.addresses(event)
        if not addresses and self.defective("notifies-unasked"):
            addresses = ["unasked.example.com"]
        for address in addresses[:1] if self.defective("one-notification-only") else addresses:
            number = self.next_number()
            metadata = codec.encode(
                "NotificationMetadata", notification_metadata(number, event, address, profile.iccid)
            )
            if self.varies("notification-with-unknown-element"):
                metadata = elements.extended(metadata)
            identity = self.identity()
            covered = metadata[:-1] if self.defective("notification-signature-wrong") else metadata
            signature = tlv.encode(0x5F37, signatures.sign(identity.private_key, covered))
            chain = identity.certificate.der + identity.chain[0].der
            self.queue(
                Notification(number, event, address, profile.iccid, tlv.encode(0x30, metadata + signature + chain))
            )

    def next_number(self) -> int:
        """The sequence number of the next notification."""
        if self.defective("reuses-sequence-number") and not self.state.notifications:
            return 1
        return self.state.last_number + contacts.chosen(self.varies, lists.GAP, 1)

    def queue(self, notification: Notification) -> None:
        """Keep a notification; beyond the limit the oldest goes."""
        kept = (*self.state.notifications, notification)[-self.settings.notification_limit :]
        self.state = replace(self.state, notifications=kept, last_number=notification.number)

    def find(self, identifier: tuple[str, bytes]) -> Profile | None:
        """The profile a ProfileIdentifier names, by ICCID or ISD-P AID."""
        if identifier[0] == "isdpAid" and self.defective("unknown-aid-of-profile"):
            return None
        return self.state.find(identifier)

    def replace_profile(self, profile: Profile, **changes: Any) -> Profile:
        """Change one profile and return it as it is then."""
        changed = replace(profile, **changes)
        self.state = self.state.with_profile(changed)
        return changed


def _credentials(settings: EuiccSettings, pki: Pki, eid: bytes) -> Credentials:
    """CI keys for verification and the eUICC's own keys, in the order of the settings."""
    trust = {_key_id(ci): ci for ci in map(pki.ci, settings.verification)}
    identities = {_key_id(pki.ci(curve)): pki.euicc(eid, curve) for curve in settings.signing}
    return Credentials(trust, identities)


def _key_id(certificate: Certificate) -> bytes:
    if certificate.subject_key_id is None:
        raise ValueError(f"{certificate.subject}: a CI certificate needs a subjectKeyIdentifier")
    return certificate.subject_key_id


def isdp_aid(number: int) -> bytes:
    """The AID of an ISD-P, its last two octets the number, 0x1000 and up (SGP.02 annex H)."""
    return bytes.fromhex("A0000005591010FFFFFFFF890000") + number.to_bytes(2, "big")


@lru_cache(maxsize=16)
def personalised(settings: EuiccSettings) -> CardState:
    """The state as the settings describe it; states do not change, so that many cards can begin with the same one."""
    profiles = tuple(_profile(entry, number) for number, entry in enumerate(settings.profiles, FIRST_ISDP))
    return CardState(profiles=profiles, default_address=settings.default_address)


def _profile(entry: ProfileSettings, number: int) -> Profile:
    names = {"serviceProviderName": entry.provider, "profileName": entry.name}
    metadata: dict[str, Any] = {name: text for name, text in names.items() if text is not None}
    if entry.icon is not None:
        metadata |= {"iconType": {"jpg": 0, "png": 1}[entry.icon_type], "icon": entry.icon}
    metadata["profileClass"] = ("test", "provisioning", "operational").index(entry.profile_class)
    if entry.notify:
        metadata["notificationConfigurationInfo"] = [
            {"profileManagementOperation": named_bits(EVENTS, one.events), "notificationAddress": one.address}
            for one in entry.notify
        ]
    if entry.owner is not None:
        metadata["profileOwner"] = owner_value(entry.owner)
    for name, reported in (("fallbackAllowed", entry.fallback_allowed), ("ecallIndication", entry.ecall)):
        if reported is not None:
            metadata[name] = reported
    if entry.proprietary_data is not None:
        metadata["dpProprietaryData"] = {"dpOid": entry.proprietary_data}
    if entry.ppr:
        metadata["profilePolicyRules"] = named_bits(PPRS, entry.ppr)
    if entry.service_data is not None:
        data = {"vendorOid": entry.service_data, "vendorSpecificData": tlv.encode(0x04, b"\x01")}
        metadata["serviceSpecificDataStoredInEuicc"] = [data]
    if entry.access_rules:
        permission = {"permArDo": bytes(7) + b"\x01"}
        metadata["refArDo"] = [{"refDo": {"deviceAppIdRefDo": b"\xa1" * 20}, "arDo": permission}]
    return Profile(
        iccid=entry.iccid,
        aid=isdp_aid(number),
        enabled=entry.enabled,
        nickname=entry.nickname or None,
        metadata=metadata,
        files=preinstalled_files(entry),
        memory=entry.memory,
        field_loaded=entry.profile_class != "test",
        connectivity=entry.http_parameters,
    )
