"""Sweeps of regularisation strength in GANs: a spec goes in, a ranked and repeatable answer out."""
