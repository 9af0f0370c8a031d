"""YAML to cases, with every mistake at once."""
