"""A module two folders above its flow's file."""


def up(text):
    """In capitals."""
    return text.upper()
