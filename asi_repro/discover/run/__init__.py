"""A run on disk: its folder, settings and Git store, and what is read, written and shared of it."""
