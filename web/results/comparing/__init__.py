"""Evaluations and jobs side by side."""
