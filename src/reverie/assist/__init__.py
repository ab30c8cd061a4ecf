"""Room 10: what a language model may add to a dream, and how it is checked. A dream needs none of it."""
