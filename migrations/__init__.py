"""Alembic's folder: env.py and, in versions/, one file per change of the schema."""
