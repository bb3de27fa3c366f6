"""Image encoders that several networks stand on."""
