"""The official client with Reverie's own calls added."""
