"""Evaluation with lm-evaluation-harness: benchmark items, the model it scores, and the scores."""
