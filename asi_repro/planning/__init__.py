"""What a run would take on a cluster: the drivers' real code on a virtual clock.

inputs     how long one training takes, from certificates and stated assumptions
sweeping   all architectures at 340M on so many GPUs
searching  a discovery run with so many workers and the pool's barrier
"""
