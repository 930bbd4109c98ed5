"""Running programs that nobody here wrote.

Two lines of defence, and they are not equal. `static_check` reads a program and refuses what it need not
run to see is wrong: it is a filter. The sandbox (`client`, `worker`, `tiers`) is the wall: a separate
process with no network, no view of the home folder, no environment and bounded resources.

What the sandbox covers: the machine, its files and secrets, other processes, and the results of other
programs. What it does not: a program shares its process with the trusted code that examines it, so a hostile
program could lie about *itself*. `docs/explanation/sandbox.md` says the same at length.
"""
