"""What is known of the published models: the page of their code, on COCO.

BLEU-4, METEOR and CIDEr, times 100, of td-gLSTM with the whole sentence (sc), by its
image encoder. METEOR needs Java and is not measured here.
"""

from typing import NamedTuple


class Published(NamedTuple):
    b4: float
    meteor: float
    cider: float


ENCODERS = {
    "VGG-16": Published(30.1, 24.7, 97.0),
    "ResNet-34": Published(30.6, 25.0, 98.1),
    "ResNet-200": Published(31.6, 25.6, 101.2),
}
# NeuralTalk2's own page, its encoder fine-tuned: "about 0.9".
NEURALTALK2_CIDER = 90.0
