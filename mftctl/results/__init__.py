"""What commands return: dataclasses, of which JSON, its schema and the text for people are made."""
