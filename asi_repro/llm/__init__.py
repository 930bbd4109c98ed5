"""What talks to a model: the anthropic SDK behind one recorder, live or replayed. No torch."""
