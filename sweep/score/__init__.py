"""What all trials of a study share, and what is measured of them."""
