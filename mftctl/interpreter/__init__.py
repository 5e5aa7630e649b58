"""The flow's own Python. The modules here start and ask it; ``inside`` is what it runs."""
