"""The Temporal worker: activities, flow hosts, the code-package cache, and how all of it starts and stops."""
