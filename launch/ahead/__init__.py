"""The train step without its devices: compiled, counted, exported."""
