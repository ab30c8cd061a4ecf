"""Imported sessions and their scores."""
