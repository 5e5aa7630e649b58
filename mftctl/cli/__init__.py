"""The command line: commands with their arguments, help and completion.

A command imports what it does (``operations``) when it is called, so that `--help` needs no temporalio.
"""
