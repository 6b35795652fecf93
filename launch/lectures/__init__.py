"""--mode=figures: pages of what lectures on the papers show."""
