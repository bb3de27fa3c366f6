"""From correspondences to a body to start from."""
