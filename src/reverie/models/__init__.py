"""Edge: language models behind the protocol of :mod:`reverie.language_model`, one file per kind of endpoint."""
