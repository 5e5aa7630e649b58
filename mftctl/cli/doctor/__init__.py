"""`mftctl doctor`: diagnose this installation."""
