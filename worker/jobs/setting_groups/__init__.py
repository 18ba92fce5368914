"""The settings by what they are of; worker.jobs.settings puts them together."""
