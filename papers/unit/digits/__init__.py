"""The digit experiment of UNIT: labels of one domain classify the other (section 5)."""
