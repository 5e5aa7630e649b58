"""The Temporal worker: activities, hosts, the code-package cache, and how all of it starts and stops."""
