"""What SGP.32 adds to an eUICC: eUICC Packages, eIM associations, and the functions of ES10b for an IPA."""
