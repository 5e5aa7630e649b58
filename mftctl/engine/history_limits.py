"""The size of a history at which a workflow continues as new: the server ends it at 51,200 events and 50 MB."""

#: Events after which a workflow continues as new as soon as nothing is in flight.
MAX_EVENTS = 4096
#: Events, and bytes, after which it starts nothing more until it has.
DRAIN_EVENTS, DRAIN_BYTES = 20_000, 20_000_000
