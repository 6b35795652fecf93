"""What a compiled program costs a chip, read from its HLO text."""
