"""`mftctl profile`: name servers and settings."""
