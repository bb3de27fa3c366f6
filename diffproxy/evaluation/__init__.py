"""Runs on data with ground truth, and their tables."""
