"""One-off builders: what made the data files of the package. Not installed with it."""
