"""What hostile, broken and unlucky clients do to a server process."""
