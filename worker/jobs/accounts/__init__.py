"""Who may use the dashboard and the API: users with roles, and their passwords, sessions, tokens and links."""
