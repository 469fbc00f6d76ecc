"""A claim's body in its worlds, up the ladder of replicates."""
