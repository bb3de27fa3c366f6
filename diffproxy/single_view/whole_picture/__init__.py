"""One network for everybody in a picture: it reads the whole picture once, and places and refines all bodies."""
