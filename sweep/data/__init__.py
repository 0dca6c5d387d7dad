"""Images to train on: where they come from, and how they are split."""

from sweep.data.dataset import Dataset, make_dataset
from sweep.data.folds import FoldPlan, plan_folds
from sweep.data.sources import DATASETS, load_dataset

__all__ = ["DATASETS", "Dataset", "FoldPlan", "load_dataset", "make_dataset", "plan_folds"]
