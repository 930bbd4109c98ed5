"""`python -m asi_repro.cli`, the same as `asi-repro`."""

from asi_repro.cli import main

main()
