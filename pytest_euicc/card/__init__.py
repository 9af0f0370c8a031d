"""Cards: APDUs, logical channels, and the transports that lead to them."""
