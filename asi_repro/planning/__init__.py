"""What a run would take on a cluster: the drivers' real code on a virtual clock.

inputs     how long one training takes: FLOPs, times recorded here, and stated assumptions
sweeping   all architectures at 340M on so many GPUs: the sweep's driver
order      a discovery run's schedule: the loop's own plan of what may run beside what
searching  a discovery run of the paper's size with so many workers
recorded   our recorded control run, had it had other numbers of workers
tables     all of it as numbers and as Markdown
figure     the curves
page       one page with both
"""
