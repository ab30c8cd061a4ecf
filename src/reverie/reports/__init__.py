"""What a dream found, as one self-contained page."""
