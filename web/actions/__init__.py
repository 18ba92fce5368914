"""What forms and API do alike: submit jobs, register datasets."""
