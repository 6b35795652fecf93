"""Times suppression beside numba's compilation of the same loop, and beside the
authors' compiled code: processes that take turns, so that all meet the same machine.
One thread for numba, all cores for XLA; milliseconds of CPU are printed too.

    PYTHONPATH=. python tests/papers/soft_nms/beside_numba.py --numba_python=PYTHON

where PYTHON has numba. The authors' code is timed if it has a module `ref_nms` as well:
tests/common/soft_nms_reference.py says how it is made.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from functools import partial

import numpy as np

METHODS = ("hard", "linear", "gaussian")
TURNS = 5
# name: pictures, boxes, classes, side of the picture, power of the uniform scores, and
# how many boxes of a picture are kept: None: all.
CASES = {
    "1,000 x 80": (1, 1000, 80, 416, 1, None),
    "1,000 x 80, low scores": (1, 1000, 80, 416, 8, None),
    "1,000 x 80, sparse": (1, 1000, 80, 1500, 1, None),
    "1,000 x 80, best 100": (1, 1000, 80, 416, 1, 100),
    "10,000 x 1": (1, 10_000, 1, 416, 1, None),
    "10,000 x 1, sparse": (1, 10_000, 1, 3000, 1, None),
    "64 pictures of 300 x 10, best 100": (64, 300, 10, 416, 1, 100),
}


def arrays(case):
    pictures, n, classes, side, power, _ = case
    rng = np.random.default_rng(0)
    low = rng.random((pictures, n, 2)) * side
    boxes = np.concatenate([low, low + 20 + 80 * rng.random((pictures, n, 2))], -1)
    scores = rng.random((pictures, n, classes)) ** power
    return boxes.astype(np.float32), scores.astype(np.float32)


def numba_calls(case):
    """{method: function} of the reference's loop, compiled by numba."""
    import numba

    @numba.njit(cache=False)
    def one(boxes, scores, method, threshold, sigma, least):
        boxes = boxes.copy()
        scores = scores.copy()
        n = len(scores)
        i = 0
        while i < n:
            best = i
            for j in range(i + 1, n):
                if scores[j] > scores[best]:
                    best = j
            for k in range(4):
                boxes[i, k], boxes[best, k] = boxes[best, k], boxes[i, k]
            scores[i], scores[best] = scores[best], scores[i]
            x1, y1, x2, y2 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
            own = (x2 - x1) * (y2 - y1)
            j = i + 1
            while j < n:
                width = min(x2, boxes[j, 2]) - max(x1, boxes[j, 0])
                if width > 0:
                    height = min(y2, boxes[j, 3]) - max(y1, boxes[j, 1])
                    if height > 0:
                        both = width * height
                        area = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1])
                        overlap = both / (own + area - both)
                        if method == 2:
                            scores[j] *= np.exp(-(overlap * overlap) / sigma)
                        elif overlap > threshold:
                            scores[j] *= 0.0 if method == 0 else 1 - overlap
                        if scores[j] < least:
                            n -= 1
                            for k in range(4):
                                boxes[j, k] = boxes[n, k]
                            scores[j] = scores[n]
                            j -= 1
                j += 1
            i += 1
        return n

    @numba.njit(cache=False)
    def every(boxes, scores, method, threshold, sigma, least):
        kept = 0
        for picture in range(len(boxes)):
            for c in range(scores.shape[2]):
                own = scores[picture, :, c].copy()
                kept += one(boxes[picture], own, method, threshold, sigma, least)
        return kept

    boxes, scores = arrays(case)
    return {
        name: lambda m=m: every(boxes, scores, m, 0.3, 0.5, 1e-3)
        for m, name in enumerate(METHODS)
    }


def authors_calls(case):
    """{method: function} of the authors' Cython; it is handed rows of five."""
    from ref_nms import cpu_soft_nms

    boxes, scores = arrays(case)

    def every(method):
        for picture in range(len(boxes)):
            for c in range(scores.shape[2]):
                own = [boxes[picture], scores[picture, :, c, None]]
                rows = np.concatenate(own, 1).astype(np.float32)
                cpu_soft_nms(rows, method=method)

    return {name: lambda m=m: every(m) for m, name in enumerate(METHODS)}


def jax_calls(case):
    import jax

    from common.soft_nms import soft_nms, suppress

    boxes, scores = jax.device_put(arrays(case))
    *_, n, classes, _, _, keep = case
    run = partial(suppress, boxes, scores, keep=keep or n * classes)
    if classes == 1:
        run = partial(soft_nms, boxes, scores[..., 0])
    return {
        name: lambda name=name: jax.block_until_ready(run(method=name))
        for name in METHODS
    }


WORKERS = {"jax": jax_calls, "numba": numba_calls, "authors": authors_calls}


def work(kind):
    """Answers lines "case method" with milliseconds of wall and CPU, of one call."""
    ready = {}
    for line in sys.stdin:
        case, method = json.loads(line)
        if case not in ready:
            try:
                ready = {case: WORKERS[kind](CASES[case])}
            except ImportError:
                print("null", flush=True)
                continue
        call = ready[case][method]
        if (case, method) not in ready:
            call()
            ready[case, method] = True
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        taken = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps([1000 * t for t in taken]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numba_python", default=sys.executable)
    parser.add_argument("--worker", choices=WORKERS)
    flags = parser.parse_args()
    if flags.worker:
        return work(flags.worker)
    pythons = {"jax": sys.executable, "numba": flags.numba_python}
    pythons["authors"] = flags.numba_python
    workers = {
        kind: subprocess.Popen(
            [python, __file__, f"--worker={kind}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind, python in pythons.items()
    }
    print(f"{'ms: wall (CPU)':44}", *(f"{kind:>16}" for kind in workers), "  jax/numba")
    for case in CASES:
        for method in METHODS:
            print(f"{case + ', ' + method:44}", *_compared(workers, case, method))
    for worker in workers.values():
        worker.stdin.close()


def _compared(workers, case, method):
    """Medians of the turns, and the ratio of CPU."""
    turns = {kind: [] for kind in workers}
    for _ in range(TURNS):
        for kind, worker in workers.items():
            worker.stdin.write(json.dumps([case, method]) + "\n")
            worker.stdin.flush()
            turns[kind].append(json.loads(worker.stdout.readline()))
    medians = {}
    for kind, values in turns.items():
        present = [v for v in values if v]
        if not present:
            yield f"{'-':>16}"
            continue
        wall, cpu = (statistics.median(column) for column in zip(*present, strict=True))
        medians[kind] = wall, cpu
        yield f"{wall:8.1f} ({cpu:5.1f})"
    pair = zip(medians["jax"], medians["numba"], strict=True)
    yield "  ".join(f"{a / b:.2f}" for a, b in pair)


if __name__ == "__main__":
    main()
