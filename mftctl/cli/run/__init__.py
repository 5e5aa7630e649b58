"""Start runs: the commands run and trigger."""
