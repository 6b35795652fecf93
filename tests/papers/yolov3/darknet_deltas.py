"""The gradient that darknet writes down for one image, slot by slot in numpy, from the
paper's equations: minus what its loss function here must have as gradient."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def overlap(a, b):
    """IoU of two boxes given by centre and size."""
    sides = [
        max(min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2)
            - max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2), 0)
        for i in (0, 1)
    ]  # fmt: skip
    both = sides[0] * sides[1]
    union = a[2] * a[3] + b[2] * b[3] - both
    return both / union if union > 0 else 0.0


def deltas(maps, masks, anchors, truths, net, ignore):
    """One array of deltas for each scale.

    maps: raw [rows, columns, priors, 5 + classes] of each scale.
    masks: the numbers of each scale's priors.
    truths: (x, y, w, h, class), relative to the image.
    net: width and height of the input in pixels.
    """
    return [
        _of_scale(raw, mask, anchors, truths, net, ignore)
        for raw, mask in zip(maps, masks, strict=True)
    ]


def _of_scale(raw, mask, anchors, truths, net, ignore):
    rows, columns, priors, _ = raw.shape
    delta = np.zeros_like(raw)
    said = sigmoid(raw)
    for j in range(rows):
        for i in range(columns):
            for n in range(priors):
                width, height = np.array(anchors[mask[n]]) / net
                box = (
                    (i + said[j, i, n, 0]) / columns,
                    (j + said[j, i, n, 1]) / rows,
                    width * np.exp(raw[j, i, n, 2]),
                    height * np.exp(raw[j, i, n, 3]),
                )
                near = max((overlap(box, t[:4]) for t in truths), default=0.0)
                delta[j, i, n, 4] = 0 if near > ignore else -said[j, i, n, 4]
    labelled = np.zeros(raw.shape[:3], bool)
    for x, y, w, h, label in truths:
        likeness = [
            overlap((0, 0, w, h), (0, 0, *(np.array(a) / net))) for a in anchors
        ]
        best = int(np.argmax(likeness))
        if best not in mask:
            continue
        n = list(mask).index(best)
        i, j = int(x * columns), int(y * rows)
        own, out = raw[j, i, n], delta[j, i, n]
        scale = 2 - w * h
        out[0] = scale * (x * columns - i - said[j, i, n, 0])
        out[1] = scale * (y * rows - j - said[j, i, n, 1])
        out[2] = scale * (np.log(w * net[0] / anchors[best][0]) - own[2])
        out[3] = scale * (np.log(h * net[1] / anchors[best][1]) - own[3])
        out[4] = 1 - said[j, i, n, 4]
        if not labelled[j, i, n]:
            out[5:] = -said[j, i, n, 5:]
            labelled[j, i, n] = True
        out[5 + label] = 1 - said[j, i, n, 5 + label]
    return delta
