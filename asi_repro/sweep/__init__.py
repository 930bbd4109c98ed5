"""Training and evaluating the models of a project: which ones, where, and many at a time."""
