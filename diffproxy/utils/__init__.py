"""Small things that every room needs: errors, whole files, timing, frame ranges."""
