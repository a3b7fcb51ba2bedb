"""Tables that are larger than memory: where their rows come from, and how much is read at once."""
