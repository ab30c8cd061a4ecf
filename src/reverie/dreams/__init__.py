"""Room 10: the job that runs rooms 3 to 9, offline. Its request, its policy, its result."""
