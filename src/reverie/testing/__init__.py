"""Worlds with known truths and a fake model server, for this project's tests and for yours."""
