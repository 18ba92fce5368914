"""What a person asks for: validated specs, and the configurations that they resolve to."""
