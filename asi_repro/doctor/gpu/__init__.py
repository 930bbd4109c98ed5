"""Try every path that needs CUDA, part by part in child processes with a time each, and write one report."""
