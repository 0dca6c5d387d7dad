"""The population: many members in training at once, on all devices, in one compiled program."""
