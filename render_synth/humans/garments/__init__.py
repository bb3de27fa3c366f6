"""Procedural clothes: layers on the body's surface, cut patterns and draped cloth."""
