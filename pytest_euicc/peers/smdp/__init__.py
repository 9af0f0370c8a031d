"""The tester as SM-DP+ towards an eUICC."""
