"""A simulated LPA: our own LPA with named defects and permitted variants."""
