"""What a sweep or a discovery run would take on a cluster: the drivers' code on a virtual clock.

times       how long one training takes: FLOPs, times recorded here, and stated assumptions
simulation  a sweep and a discovery run with so many GPUs or workers
plan        both as numbers and as Markdown
"""
