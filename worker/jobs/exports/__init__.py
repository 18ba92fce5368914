"""Masks of jobs in the formats of other tools: as a folder, or as a ZIP archive that is streamed."""
