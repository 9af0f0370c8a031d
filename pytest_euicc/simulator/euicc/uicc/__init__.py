"""The UICC that a device sees (ETSI TS 102 221)."""
