def evaluate(config, trained):
    return iter(())
