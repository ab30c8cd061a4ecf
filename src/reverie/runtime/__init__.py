"""Room 13: how a session of an agent goes. What is sent in, what is recorded, whose turn it is."""
