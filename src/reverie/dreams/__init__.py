"""Room 11: the job that runs rooms 3 to 10, offline. Its request, its policy, its result."""
