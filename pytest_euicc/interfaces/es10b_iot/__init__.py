"""ES10b of an IoT eUICC: eUICC Packages of the tester as eIM, and the functions for the tester as IPA (SGP.32 5.9)."""
