"""In work: the numbers come with the branch of the data."""


def evaluate(config, trained):
    """Yields how many runs there are."""
    yield "Runs", len(trained)
