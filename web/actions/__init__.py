"""What pages and API both do: submit jobs, register datasets."""
