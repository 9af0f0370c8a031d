"""Recorded exchanges explained: traces of ours and of other programs, single APDUs, values in hex."""
