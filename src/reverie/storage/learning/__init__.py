"""Digests, and what dreams made of them."""
