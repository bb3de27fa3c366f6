"""The packaged bank of poses: building, file format, sampling."""
