"""Hair, beards and hats, built on the head in the rest pose."""
