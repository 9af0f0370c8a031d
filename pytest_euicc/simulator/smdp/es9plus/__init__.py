"""The functions of ES9+ (SGP.22 5.6)."""
