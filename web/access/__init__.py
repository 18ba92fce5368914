"""Which requests are answered, and which files on the server people may name and see over HTTP."""
