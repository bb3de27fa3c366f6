"""Clothes made without any asset: cut from the body or standing off it, and how they hang."""
