"""Where runs are named, planned, computed and kept, and read back as results."""
