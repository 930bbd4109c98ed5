"""What the released data show that neither paper says: questions of our own, each with a test. No torch."""
