"""A study: its trials in the database, the loop that runs them, and what they answer."""
