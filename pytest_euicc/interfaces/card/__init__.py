"""A card below ES10: reset, files, channels and commands of one's own making."""
