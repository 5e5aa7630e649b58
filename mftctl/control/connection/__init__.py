"""The connection to Temporal: the endpoint, the client, and the diagnosis of failures."""
