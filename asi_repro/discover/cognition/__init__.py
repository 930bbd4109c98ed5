"""The cognition base: what papers found, as entries that agents recall by their trigger. No torch."""
