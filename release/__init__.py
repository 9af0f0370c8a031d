"""What a release needs before it is uploaded: `make release`."""
