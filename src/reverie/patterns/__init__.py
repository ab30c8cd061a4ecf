"""Room 4: what recurs, and what separates good sessions from bad ones of the same task."""
