"""What is on the Temporal server: connections, deployments and runs."""
