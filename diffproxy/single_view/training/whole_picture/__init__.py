"""Training of the network of whole pictures on rendered pictures in which everybody is labelled."""
