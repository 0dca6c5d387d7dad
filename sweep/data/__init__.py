"""Images to train on: where they come from, and how they are split."""

from normsweep.data.dataset import Dataset, make_dataset
from normsweep.data.folds import FoldPlan, plan_folds
from normsweep.data.sources import DATASETS, load_dataset

__all__ = ["DATASETS", "Dataset", "FoldPlan", "load_dataset", "make_dataset", "plan_folds"]
