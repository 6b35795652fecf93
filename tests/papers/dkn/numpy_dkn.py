"""DKN's equations as loops over numpy arrays, of one impression and in float64: what
`papers.dkn.model` is tested against. It shares no code with it."""

import numpy as np


def title_vector(params, words, entities, tables, channels, windows, mapping):
    """Section 4.2 for one title: a loop over windows, filters and places."""
    length = sum(1 for word in words if word > 0)
    rows = []
    for word, entity in zip(words[:length], entities[:length], strict=True):
        row = [params["words"]["embedding"][word]]
        for name in channels:
            row.append(mapped(params.get(name), tables[name][entity], entity, mapping))
        rows.append(np.concatenate(row))
    found = []
    for size in windows:
        kernel = params["windows"][f"kernel{size}"]
        bias = params["windows"][f"bias{size}"]
        for filter_ in range(kernel.shape[1]):
            values = []
            for place in range(max(length - size + 1, 1) if length else 0):
                total = float(bias[filter_])
                for tap in range(size):
                    if place + tap < length:
                        d = len(rows[0])
                        part = kernel[tap * d : (tap + 1) * d, filter_]
                        total += float(rows[place + tap] @ part)
                values.append(max(total, 0.0))
            found.append(max(values, default=0.0))
    return np.array(found)


def mapped(params, vector, entity, mapping):
    if mapping == "none":
        return vector * (entity > 0)
    layer = params["m"]
    value = vector @ layer["kernel"] + layer.get("bias", 0.0)
    value = np.tanh(value) if mapping == "tanh" else value
    return value if entity else np.zeros_like(value)


def dense(layer, x):
    return x @ layer["kernel"] + layer.get("bias", 0.0)


def logit(params, clicked, candidate, attention, score):
    """Eq. 10 to 12 for the vectors of the clicks and of one candidate."""
    weights = []
    for click in clicked:
        if attention == "network":
            hidden = dense(params["attend_click"], click)
            hidden = hidden + dense(params["attend_candidate"], candidate)
            value = dense(params["attend"], np.maximum(hidden, 0))[0]
        else:
            value = click @ candidate if attention == "dot" else 0.0
        weights.append(np.exp(value))
    total = sum(weights)
    weights = [weight / total for weight in weights]
    user = np.zeros_like(candidate)
    for weight, click in zip(weights, clicked, strict=True):
        user = user + weight * click
    if score == "dot":
        return user @ candidate, weights
    hidden = dense(params["score_hidden"], np.concatenate([user, candidate]))
    return dense(params["score"], np.maximum(hidden, 0))[0], weights
