"""The names of a GAN's networks, each of which is a player too, as fields and targets bear them."""

NETWORKS = GENERATOR, DISCRIMINATOR = ("generator", "discriminator")
"""What is said of networks is said in this order."""

BOTH = "both"
"""The target that is every network."""
