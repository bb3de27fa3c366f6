"""Many frames as one motion."""
