"""Rotations, Procrustes alignment and robust losses, on plain arrays and tensors."""
