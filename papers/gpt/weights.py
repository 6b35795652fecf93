"""A stub until the loader is merged."""
