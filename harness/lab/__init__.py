"""Where runs are planned, computed and kept."""
