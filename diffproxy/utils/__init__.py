"""Small things that every package needs: errors, whole files, timing, frame ranges."""
