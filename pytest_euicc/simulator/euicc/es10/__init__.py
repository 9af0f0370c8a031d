"""The functions of ES10a, ES10b and ES10c."""
