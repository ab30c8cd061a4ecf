"""One file per resource: its endpoints, and what each does."""
