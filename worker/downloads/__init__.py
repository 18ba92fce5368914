"""Published files: downloaded, verified, unpacked, and put where configurations expect them."""
