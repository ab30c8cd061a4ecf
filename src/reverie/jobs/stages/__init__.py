"""The stages of a dream, one a module: each may run twice, and leaves what it found in Reverie's own tables."""
