def evaluate(config, trained):
    yield "x", 1.0
