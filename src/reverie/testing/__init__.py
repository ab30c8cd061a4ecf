"""Worlds with known truths, for this project's tests and for yours."""
