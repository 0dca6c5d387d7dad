"""`python -m sweep.cli`, which is `sweep`."""

from sweep.cli import main

main()
