"""Graphs and sentences as sequences of pieces, which a network reads and writes."""
