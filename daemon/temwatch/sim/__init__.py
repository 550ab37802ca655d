"""A simulated microscope with known truth."""
