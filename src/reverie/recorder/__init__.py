"""Sessions of programs of your own, recorded while they go: ``reverie.record()``."""
