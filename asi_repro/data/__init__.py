"""The text that models learn from, and the benchmark items that they are scored on."""
