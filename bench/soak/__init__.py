"""Does the service lose, double or change anything while its workers are killed? See `make soak`.

`study` says what is run, `processes` starts it, `ledger` reads and judges what the database holds,
`kills` kills, and `python -m bench.soak` repeats it for an hour.
"""
