"""The packaged bank of poses: built, stored, drawn from."""
