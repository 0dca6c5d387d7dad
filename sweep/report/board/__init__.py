"""What the Optuna dashboard shows of a study beside Optuna's own: notes, figures, pictures."""
