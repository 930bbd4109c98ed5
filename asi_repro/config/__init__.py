"""params.yaml as typed settings: a module a section, and `params`, which reads the whole file."""
