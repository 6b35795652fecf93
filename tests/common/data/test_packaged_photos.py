"""The packaged photographs. A failure means that one is missing, or that reading it
imports scikit-image."""

import subprocess
import sys

import pytest

from common.contract import UserError
from common.data.packaged_photos import FILES, photo_path
from common.files.pictures import decode


@pytest.mark.parametrize("name", FILES)
def test_a_photograph_decodes(name):
    image = decode(photo_path(name))
    assert min(image.shape[:2]) >= 300
    assert image.std() > 10


def test_reading_imports_no_scikit_image():
    code = (
        "import sys; from common.data.packaged_photos import photo_path; "
        "photo_path('coffee'); print('skimage' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_an_unknown_photograph_names_the_nearest():
    with pytest.raises(UserError, match="nearest: astronaut"):
        photo_path("astronuat")
