"""Remote management over SCP80 (SGP.22 5.4)."""
