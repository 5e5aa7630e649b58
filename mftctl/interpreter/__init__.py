"""The flow's own Python. The modules here start it and send it requests; ``inside`` is what it runs."""
