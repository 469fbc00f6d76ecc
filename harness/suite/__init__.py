"""pytest's face: options, collection, sessions, and what a terminal shows meanwhile."""
