"""Is a proposal new? Embeddings of motivations, the nearest known ones, and duplicate programs. No torch."""
