"""The network of the generator and its parts."""
