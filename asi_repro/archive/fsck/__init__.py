"""Whether archive, history, release and pins agree, hash by hash."""
