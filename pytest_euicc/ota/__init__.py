"""Over the air: secured packets (ETSI TS 102 225), SMS that carry them, scripts inside them (ETSI TS 102 226)."""
