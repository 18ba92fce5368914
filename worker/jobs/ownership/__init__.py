"""What a job owns and relies on from its submission to its end: its output folder, and inputs as they were."""
