"""Camera simulation: lens, sensor and image processing."""
