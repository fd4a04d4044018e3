"""A soak: half an hour at most of what the servers can, with a fault every minute."""
