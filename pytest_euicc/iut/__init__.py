"""How an implementation under test is reached: one folder for each kind."""
