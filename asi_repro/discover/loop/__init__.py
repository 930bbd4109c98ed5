"""What the discovery loop does: its schedule, pool, fitness, journal, experiments and worker processes."""
