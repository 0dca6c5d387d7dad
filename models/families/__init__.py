"""Model families: which networks there are, and how they train."""
