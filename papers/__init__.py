"""One package a paper. A package is found by its folder; there is no registry."""
