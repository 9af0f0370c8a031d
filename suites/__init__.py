"""What pytest collects: one thin module per interface, one test per vector sequence."""
