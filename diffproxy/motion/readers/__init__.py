"""One reader per motion file format."""
