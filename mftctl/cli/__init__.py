"""The command line: one module a command; a command returns a result, `output` alone renders it."""
