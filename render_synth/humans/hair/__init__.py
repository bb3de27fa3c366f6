"""Hair, beards and hats, made on the head in the rest pose."""
