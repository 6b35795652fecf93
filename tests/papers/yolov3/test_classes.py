"""The classifier of a user's pictures. A failure means that a picture gets another's
classes, or that an array is read otherwise than its file."""

import jax
import numpy as np
import pytest
from PIL import Image

from common.contract import Records, UserError
from papers import yolov3


def test_a_picture_gets_its_most_probable_classes(tmp_path):
    config = yolov3.runs(yolov3.get_config("smoke"))["classifier"].config
    config.predict.top_k = 2
    state = yolov3.init(config, jax.random.key(0))
    drawn = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), np.uint8)
    for name, picture in zip("ab", drawn, strict=True):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    _, records = yolov3.predict(config, state, str(tmp_path))
    assert isinstance(records, Records)
    assert [row["input"] for row in records.rows] == ["a.png", "b.png"]
    probabilities = yolov3.classify(config, state, drawn)
    for row, own in zip(records.rows, probabilities, strict=True):
        first, second = row["classes"]
        assert first["name"] == str(own.argmax())
        shown = [first["probability"], second["probability"]]
        np.testing.assert_allclose(shown, np.sort(own)[::-1][:2], rtol=1e-5)
    with pytest.raises(UserError, match="of float64 is no picture"):
        yolov3.classify(config, state, drawn / 255)
    detector = yolov3.runs(yolov3.get_config("smoke"))["yolov3"].config
    with pytest.raises(UserError, match="use the run classifier"):
        yolov3.classify(detector, state, drawn)
