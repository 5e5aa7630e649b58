"""`python flow.py temporal …`: the commands inside a flow's process."""
