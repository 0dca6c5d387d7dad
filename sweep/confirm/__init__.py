"""Confirmation: the best configs and the baseline once more, on seeds and folds never seen."""
