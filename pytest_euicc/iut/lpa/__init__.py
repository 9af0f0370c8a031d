"""The LPA under test: how it is driven, and the bench of card and servers that it works between."""
