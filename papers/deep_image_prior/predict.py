def predict(config, state, inputs):
    yield ""
