"""What a study answers: the ranking, and the verdict of its confirmation."""
