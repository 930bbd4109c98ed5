"""The loop taken apart: a grid of parts and policies over seeds, and what each part contributes."""
