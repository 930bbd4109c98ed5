"""What the agents of an experiment did: spans, their tables, and their export. No torch."""
