"""A run as a git repository in one bundle: a commit an experiment, the phylogenetic tree as its graph."""
