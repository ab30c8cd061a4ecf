"""Room 7: what to do differently. Lessons with scope, evidence and status."""
