"""Room 5: what to do differently. Lessons with scope, evidence and status."""
