"""Fan-out: the same tasks on this machine's processes or threads, or on a Ray cluster.

A task's result is what it leaves in the project's folders (a certificate, a trained model); what comes back
through an executor is only a short report. So any executor may be stopped, or lose a node: what is finished
is there, and a task whose result is there returns at once.

    choose     settings and command line to an executor
    local      threads, or processes of this machine
    on_ray     a Ray cluster
"""
