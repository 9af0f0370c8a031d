"""Who the tester is towards the implementation under test (SGP.23 calls these S_SM-DP+, S_eUICC)."""
