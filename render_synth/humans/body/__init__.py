"""The body under the clothes: its shape, its places, its surface, its skin."""
