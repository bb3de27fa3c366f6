"""Builders of packaged files; nothing at run time imports them."""
