"""Random people: bodies in poses, with clothes, hair and skin."""
