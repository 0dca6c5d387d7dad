"""How a study chooses its next settings: Optuna's samplers and pruners, fed from the spec."""
