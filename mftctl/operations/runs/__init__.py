"""What commands on runs do: start, follow, show and change them."""
