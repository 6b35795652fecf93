"""The photographs inside the scikit-image package, read as files. The package is not
imported, and nothing is downloaded."""

import importlib.metadata
from pathlib import Path

from common.contract import UserError
from common.nearest import nearest

# RGB unless said otherwise; width x height.
FILES = {
    "astronaut": "astronaut.png",  # 512 x 512
    "brick": "brick.png",  # 512 x 512, grey, as grass and gravel
    "camera": "camera.png",  # 512 x 512, grey
    "chelsea": "chelsea.png",  # 451 x 300, a cat
    "clock": "clock_motion.png",  # 400 x 300, grey, blurred by motion
    "coffee": "coffee.png",  # 600 x 400
    "grass": "grass.png",
    "gravel": "gravel.png",
    "hubble": "hubble_deep_field.jpg",  # 1000 x 872
    "ihc": "ihc.png",  # 512 x 512, stained tissue
    "motorcycle_left": "motorcycle_left.png",  # 741 x 500, one of a stereo pair
    "motorcycle_right": "motorcycle_right.png",
    "retina": "retina.jpg",  # 1411 x 1411
    "rocket": "rocket.jpg",  # 640 x 427
}


def photo_path(name: str) -> Path:
    """Where the photograph is; UserError for an unknown one."""
    if name not in FILES:
        raise UserError(f"unknown photograph {name!r}; {nearest(name, FILES)}")
    package = importlib.metadata.distribution("scikit-image")
    return Path(package.locate_file(f"skimage/data/{FILES[name]}"))
