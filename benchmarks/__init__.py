"""Figures of the harness, as ratios in one run on one machine."""
