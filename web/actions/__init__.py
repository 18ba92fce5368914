"""What pages and API both do: submit jobs, register and check datasets."""
