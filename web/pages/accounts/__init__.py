"""Signing in, one's own account, and those of others."""
