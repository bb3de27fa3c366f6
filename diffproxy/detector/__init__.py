"""Person detector: bounding boxes of people in full images."""
