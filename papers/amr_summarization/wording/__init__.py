"""Graphs and chosen words as sentences."""
