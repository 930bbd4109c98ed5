"""Evaluation with lm-evaluation-harness: the model that it scores, the tasks, and a model's scores."""
