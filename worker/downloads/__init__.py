"""Files of others: brought here over HTTP, unpacked, and put where configurations look for them."""
