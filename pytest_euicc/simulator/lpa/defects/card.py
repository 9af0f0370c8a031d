"""Named deviations of the simulated LPA at the card: contacts, notifications, management of profiles."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect

OF_CARD = (
    Defect("no-terminal-capability", "TERMINAL CAPABILITY is not sent", "3.4.2"),
    Defect("selects-by-part-of-aid", "The ISD-R is selected by the first ten octets of its AID", "5.7.1"),
    Defect("es10-before-select", "A function is called before the ISD-R is selected", "5.7.1"),
    Defect("crashes-without-channel", "The LPA crashes where the card gives no channel", "3.4"),
    Defect("leaves-channels-open", "The channel of every operation stays open", "3.4"),
    Defect("keeps-lost-channel", "A channel that the card closed is used for all that follows", "5.7.1"),
    Defect("goes-on-with-another-card", "What was begun with one card goes on with another", "3.1.5"),
    Defect("remembers-eid", "The EID of one card is told for another", "5.7.20"),
    Defect("remembers-default-address", "The default SM-DP+ address of one card is used for another", "3.1.3"),
    Defect("empty-last-block", "A request that fills its blocks ends with an empty one", "5.7.2"),
    Defect("numbers-blocks-on", "Blocks of a command go on with the numbers of the one before", "5.7.2"),
    Defect("every-block-is-the-last", "P1 of every block is 91", "5.7.2"),
    Defect("sends-blocks-after-refusal", "Blocks follow one that was refused", "5.7.2"),
    Defect("latest-notification-first", "Notifications go in reverse order", "3.5"),
    Defect("one-failure-stops-all", "A server that is away keeps notifications from the others", "3.5"),
    Defect("does-not-wait-for-earlier", "A later notification goes to an address before an earlier one", "3.5"),
    Defect("removes-before-sending", "Notifications are removed before they are sent", "3.5"),
    Defect("drops-notifications", "Notifications are removed and never sent", "3.5"),
    Defect("sends-to-smdp-of-download", "Notifications go to the SM-DP+ of the download", "3.5"),
    Defect("removes-unacknowledged", "Notifications are removed whatever the server answers", "3.5"),
    Defect("never-removes", "Notifications stay on the card though they were acknowledged", "3.5"),
    Defect("removes-earlier-ones-too", "Earlier notifications are removed with each that was sent", "3.5"),
    Defect("re-encodes-notifications", "Unknown elements of a notification are not passed on", "5.6.4"),
    Defect("adds-transaction-to-notification", "HandleNotification has a transactionId", "5.6.4"),
    Defect("manages-the-first-profile", "Another profile is enabled, disabled or deleted than was chosen", "5.7.16"),
    Defect("manages-without-asking", "Profiles are managed and the memory is reset without asking the user", "3.2"),
    Defect("completes-iccids", "The beginning of an ICCID stands for the first profile that has it", "5.7.18"),
    Defect("works-around-policy", "Profiles are disabled one by one where a rule forbids it", "5.7.16"),
    Defect("takes-errors-for-success", "An error of the card is told as a success", "5.7.16"),
    Defect("error-is-an-empty-list", "An error of GetProfilesInfo is told as an empty list", "5.7.15"),
    Defect("one-event-stops-all", "After an event that failed the others are not worked off", "3.6.2"),
    Defect("first-event-alone", "Of several events only the first is worked off", "3.6.2"),
    Defect("folds-default-address", "A default SM-DP+ address is written in small letters", "5.7.4"),
    Defect("ignores-result-of-address", "An address that the card refused is told as set", "5.7.4"),
    Defect("cuts-nicknames", "A nickname is cut to sixteen characters", "5.7.21"),
    Defect("resets-everything", "Memory reset deletes more than was chosen", "5.7.19"),
)
