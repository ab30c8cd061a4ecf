"""Room 7: the job that runs rooms 3 to 6, offline."""
