"""What lens, sensor and software make of linear light."""
