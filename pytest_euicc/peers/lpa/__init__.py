"""The tester towards an LPA: the record of all that crosses, and what the script makes of answers."""
