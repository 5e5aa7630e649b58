"""List, inspect and control runs: the commands of the group runs."""
