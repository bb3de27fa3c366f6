"""Baking the stand-in body; needs the `anny` package, nothing at run time imports this."""
