"""Evaluations, images, jobs and trials side by side."""
