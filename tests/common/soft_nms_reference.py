"""Makes soft_nms_reference.npz: random boxes, and what the authors' code makes of them.

The code is `cpu_soft_nms` of github.com/bharatsingh430/soft-nms, lib/nms/cpu_nms.pyx,
compiled by Cython as a module `ref_nms` (its lines after that function left out). Run

    PYTHONPATH=FOLDER_OF_REF_NMS python tests/common/soft_nms_reference.py

where numpy is installed. Boxes are inclusive pixels. No score is below the threshold at
the start: such a box the authors' code keeps if it overlaps nothing, and ours does not.
"""

from pathlib import Path

import numpy as np
from ref_nms import cpu_soft_nms

METHODS = ("hard", "linear", "gaussian")
SETS = 6
OUT = Path(__file__).with_suffix(".npz")


def main() -> None:
    arrays = {}
    for seed in range(SETS):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 60))
        centres = rng.random((max(n // 4, 1), 2)) * 100
        low = centres[rng.integers(len(centres), size=n)] + rng.normal(0, 3, (n, 2))
        boxes = np.concatenate([low, low + 10 + 20 * rng.random((n, 2))], 1)
        rows = np.concatenate([boxes, rng.uniform(0.01, 1, (n, 1))], 1)
        rows = rows.astype(np.float32)
        arrays[f"rows_{seed}"] = rows
        for number, method in enumerate(METHODS):
            kept = rows.copy()
            left = cpu_soft_nms(kept, sigma=0.5, Nt=0.3, threshold=1e-3, method=number)
            arrays[f"{method}_{seed}"] = kept[: len(left)]
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    main()
