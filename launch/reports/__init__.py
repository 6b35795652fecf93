"""What the evaluations of a workdir leave: tables, pictures, one page."""
