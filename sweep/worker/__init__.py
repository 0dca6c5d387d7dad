"""The loop of a worker, and whatever starts, watches and serves workers."""
