"""How an implementation under test is reached, one folder a kind."""
