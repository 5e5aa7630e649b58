"""The fidelity suite: a run through mftctl leaves behind what `python flow.py run` leaves behind."""
