"""Erasing sessions with all that came from them."""
