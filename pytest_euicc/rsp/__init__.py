"""Remote SIM provisioning (SGP.22): certificates, signatures, Bound Profile Packages, profile packages."""
