"""What makes the packaged files again; nothing at run time imports this."""
