"""Accounts of people and programs on the command line."""
