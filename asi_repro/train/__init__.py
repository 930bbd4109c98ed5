"""Training: corpus, tokenizer and trainer."""
