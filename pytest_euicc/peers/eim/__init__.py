"""The tester as eIM: associations, and eUICC Packages that it signs (SGP.32 2.11.1.1)."""
