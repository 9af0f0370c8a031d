"""Permitted variants of the simulated LPA. Each is one sentence and the clause that allows it, or leaves it open."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant, registry

_BLOCKS = frozenset({"blocks-of-120", "blocks-of-250", "blocks-of-64"})

VARIANTS: dict[str, Variant] = registry(
    Variant("blocks-of-120", "Blocks of STORE DATA have 120 octets", "5.7.2", _BLOCKS - {"blocks-of-120"}),
    Variant("blocks-of-250", "Blocks of STORE DATA have 250 octets", "5.7.2", _BLOCKS - {"blocks-of-250"}),
    Variant("blocks-of-64", "Blocks of STORE DATA have 64 octets", "5.7.2", _BLOCKS - {"blocks-of-64"}),
    Variant("no-le-in-middle-blocks", "Blocks without an answer have no Le", "left open by 5.7.2"),
    Variant("selects-without-fci", "SELECT asks for no FCI", "left open by 5.7.1"),
    Variant("closes-channels-first", "Channels 1 to 3 are closed when the card is started", "left open by 3.4"),
    Variant("keeps-channel", "The channel to the ISD-R stays open between operations", "left open by 3.4"),
    Variant(
        "resets-card-first",
        "The card is reset before every operation",
        "left open by 3.4",
        frozenset({"keeps-channel"}),
    ),
    Variant(
        "leaves-terminal-to-modem",
        "A modem starts the card and answers its proactive commands",
        "left open by 3.4",
        frozenset({"resets-card-first"}),
    ),
    Variant("reads-info2-first", "EUICCInfo2 is read before a session", "left open by 3.1.2"),
    Variant("reads-eid-first", "The EID is read before a session", "left open by 3.1.2"),
    Variant("lists-profiles-first", "Profiles are listed before a session", "left open by 3.1.2"),
    Variant("reads-addresses-first", "The configured addresses are read before a session", "left open by 3.1.2"),
    Variant("lists-notifications-first", "Notifications are listed before a session", "left open by 3.1.2"),
    Variant("challenge-before-info1", "The challenge is asked for before EUICCInfo1", "left open by 3.1.2"),
    Variant("omits-empty-matching-id", "An empty matchingId is left out", "left open by 3.1.3"),
    Variant("knows-its-imei", "The device has an IMEI", "4.2"),
    Variant("has-no-imei", "The device has no IMEI, and none is asked for", "4.2", frozenset({"knows-its-imei"})),
    Variant("tells-more-capabilities", "deviceCapabilities names more releases and the svn of the LPA", "4.2"),
    Variant("transaction-id-in-small-letters", "transactionId is sent with digits a to f", "left open by 6.5.2.6"),
    Variant("serves-no-rules", "A removable eUICC gets no profile with policy rules", "2.9.2.3"),
    Variant("refuses-broken-icons", "A profile with an icon that is no image is refused", "left open by 5.5.3"),
    Variant("asks-when-package-is-there", "The user is asked once the package came", "left open by 3.1.3"),
    Variant("aborts-load", "A load is given up where the user aborts it", "left open by 3.1.3"),
    Variant("queues-downloads", "A download begun beside another is done after it", "left open by 3.1.3"),
    Variant("takes-changed-names", "A package with other names than announced is installed", "left open by 3.1.3.2"),
    Variant("cancels-after-refusals", "A session that a server refused is cancelled on the card", "left open by 3.1.3"),
    Variant("shows-errors-of-card", "A refusal of the card is sent to the server", "left open by 3.1.3"),
    Variant("protocol-2.2", "X-Admin-Protocol names version 2.2.0", "6.2"),
    Variant("talks-to-version-2-alone", "Answers of version 3 are refused", "left open by 6.2"),
    Variant("tls-1.2-alone", "TLS 1.3 is not offered", "2.6.6"),
    Variant("connects-for-each-request", "Each request has a connection of its own", "left open by 6.1"),
    Variant("checks-tls-policy", "TLS certificates without the policy of their role are refused", "4.5.2.1"),
    Variant("checks-revocation", "Certificates are looked up in the revocation list that they name", "4.5.2.2"),
    Variant("trusts-public-cas", "TLS certificates of public CAs are taken", "2.6.6"),
    Variant("takes-brainpool-in-tls", "TLS certificates on brainpoolP256r1 are taken", "2.6.6"),
    Variant("takes-signed-transaction-id", "transactionId of serverSigned1 is the session's", "left open by 3.1.2"),
    Variant("does-not-follow-cascades", "The events of another SM-DS are not retrieved", "left open by 3.6.1"),
    Variant("names-product", "User-Agent names the product after gsma-rsp-lpad", "left open by 6.2"),
    Variant("content-type-with-charset", "Content-Type has the parameter charset", "RFC 9110 8.3.1"),
    Variant("further-headers", "Requests have headers that SGP.22 does not know", "RFC 9110 5.1"),
    Variant("base64-in-lines", "Base64 has lines of 76 characters", "RFC 2045 6.8"),
    Variant("members-reversed", "Members of JSON objects come in the reverse order", "RFC 8259 4"),
    Variant("indented-json", "JSON is written over many lines", "RFC 8259 2"),
    Variant("repeats-requests", "A request is repeated once where the connection broke", "left open by 3.1.5"),
    Variant(
        "begins-anew", "A download is begun anew, once, where the connection to its server broke", "left open by 3.1.5"
    ),
    Variant("asks-for-code-again", "A wrong confirmation code is asked for again in a new session", "3.1.3.2"),
    Variant("retrieves-all-notifications", "All notifications are retrieved and not one alone", "5.7.10"),
    Variant("delivers-by-address", "Notifications go address by address", "left open by 3.5"),
    Variant("manages-by-aid", "Profiles are named by the AID of their ISD-P", "5.7.16"),
    Variant("disables-before-it-enables", "The enabled profile is disabled first", "left open by 3.2.1"),
    Variant("disables-before-it-deletes", "An enabled profile is disabled before it is deleted", "left open by 3.2.3"),
    Variant("lists-by-tags", "GetProfilesInfo has a list of tags", "5.7.15"),
    Variant("always-shows-test-profiles", "Test profiles are shown outside test mode, as such", "left open by 3.2.4"),
)
"""Every variant by its name."""
