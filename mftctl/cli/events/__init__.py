"""`mftctl events`: publish and inspect events."""
