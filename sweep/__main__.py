"""`python -m normsweep`, which is `sweep`."""

from normsweep.cli import main

main()
