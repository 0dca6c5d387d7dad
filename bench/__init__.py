"""What the project promises, measured: `python -m bench` prints the table."""
