"""ES10a, ES10b and ES10c, function by function."""
