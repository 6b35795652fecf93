"""Predict."""


def predict(config, state, inputs):
    yield "todo"
