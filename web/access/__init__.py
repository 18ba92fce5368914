"""Who may use the dashboard, and which files of the server people may name and see over HTTP."""
