"""Configuration of image captions."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, choice, of_source, text
from common.sections import Training

TEXT = ("guidance", "text", "bilinear")
RESNET = ("name", "resnet")


@dataclasses.dataclass
class Model:
    """The language model."""

    # none: NT2, the image at the first step only; image: img-gLSTM; text: td-gLSTM,
    # factored; bilinear: td-gLSTM with the full tensor, for small widths.
    guidance: str = choice("text", "image", "none", "bilinear")
    words: int = at_least(0, only=TEXT)  # n of an n-gram; 0: the whole sentence
    phi: str = choice("tanh", "identity", "relu", "sigmoid", "softmax", only=TEXT)
    text_std: float = at_least(0.0, 0.001, only=TEXT)  # W_c starts at 1 + N(0, this)
    # V: words, UNK among them where one was cut; 0: as many as the training captions
    # have, which is kept in each run's config.json.
    vocab: int = at_least(0)
    width: int = at_least(1, 512)  # of the image's vector, the words and the LSTM
    dropout: float = between(0.0, 1.0, 0.5)  # of what the decoder reads
    # The image's vector is scaled, each unit by itself, to this root mean square over
    # the training images; 0: left as it is.
    image_scale: float = at_least(0.0)

    @property
    def symbols(self) -> int:
        """Words, and the one symbol that is START, END and padding."""
        return self.vocab + 1


@dataclasses.dataclass
class Encoder:
    """The image encoder: a trunk, a linear layer to config.model.width, and a ReLU
    except after a ResNet."""

    name: str = choice("cnn", "vgg16", "resnet")
    widths: tuple[int, ...] = at_least(1, (16, 32, 64, 96), only=("name", "cnn"))
    layers: int = at_least(1, 2, only=("name", "cnn"))  # convolutions of each width
    family: str = choice("imagenet", "cifar", only=RESNET)
    depth: int = at_least(1, 34, only=RESNET)
    stem: int = at_least(1, 64, only=RESNET)  # channels of the first stage
    # torchvision's, .safetensors or .npz; "": drawn
    weights: str = text(only=("name", "vgg16", "resnet"))
    # What the trunk reads: pixels / 255 - 1/2, torchvision's, or Caffe's (less the mean
    # colour, on a scale of 255).
    pixels: str = choice("unit", "imagenet", "caffe")
    trains: bool = False  # in a run's own config: fine-tuned with the language model
    # Where it is frozen: its vectors of all training images are computed once, at the
    # start. False: in every step.
    cached: bool = True
    lr: float = at_least(0.0, 1e-5)  # of the encoder, where it trains
    weight_decay: float = at_least(0.0, 1e-4)  # added to the encoder's gradient
    # BatchNorm's, where the encoder trains. fixed: those of the run before, or of the
    # weights; moving: the batch's, for an encoder from scratch.
    statistics: str = choice("fixed", "moving")


@dataclasses.dataclass
class Classifier:
    """The run "classifier": what crops show. Its trunk is the encoder's start."""

    steps: int = at_least(0, 600)
    lr: float = at_least(0.0, 2e-3)
    batch_size: int = at_least(1, 64)
    size: int = at_least(8, 32)  # pixels a side of a crop
    crops: int = at_least(1, 12_000)


@dataclasses.dataclass
class Stages:
    """The runs "words" (an encoder that learns which words captions have), "glstm"
    (frozen encoder) and "tuned" (encoder fine-tuned), before those of the table."""

    words_steps: int = at_least(0, 1500)
    steps: int = at_least(0, 1000)
    tuned_steps: int = at_least(0, 1500)
    words_lr: float = at_least(0.0, 3e-3)
    lr: float = at_least(0.0, 2e-3)
    tuned_lr: float = at_least(0.0, 1e-3)
    batch_size: int = at_least(0)  # images; 0: config.data.batch_size


@dataclasses.dataclass
class Data:
    # auto: files where root is given, else the composed scenes.
    source: str = choice("auto", "scenes", "files", "tfds", "generated")
    # a folder or json of captions; tfds: the data_dir
    root: str = of_source("auto", "files", "tfds")
    images: str = ""  # the folder of the pictures, where the json does not say it
    name: str = of_source("tfds")  # tfds: the data set
    # files: the columns of a table, by their names; empty: usual ones are looked for.
    file_column: str = ""
    caption_columns: tuple[str, ...] = ()  # of the captions
    # files: train on pictures in folders of this name alone, and measure on those in
    # folders of the other name. "": any.
    train_in: str = ""
    test_in: str = ""  # of valid and test
    size: int = between(8, 4096, 64)  # pixels a side that the encoder sees
    resize: int = between(0, 8192, 0)  # pixels a side before a random crop; 0: no crop
    # Training pictures are turned, stretched, moved, blurred and coloured at random,
    # within so much of the ranges of restyled.py; 0: they are as they are.
    restyle: float = between(0.0, 1.0)
    captions: int = between(1, 1000, 5)  # of an image in a batch
    length: int = between(1, 1000, 16)  # words of a caption; longer ones are cut
    min_count: int = at_least(1, 5)  # rarer words are UNK
    batch_size: int = at_least(1, 16)  # images
    scenes: int = between(1, 10_000_000, 6000)  # composed ones to train on
    held_out: int = between(
        1, 1_000_000, 500
    )  # scenes to choose on, and as many to test on


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 50)  # images
    images: int = at_least(0)  # of valid that are captioned while training; 0: all
    beams: int = at_least(1, 2)
    pictures: int = at_least(0, 6)  # test pictures drawn with their captions


@dataclasses.dataclass
class Predict:
    """How pictures are captioned. Nothing here changes training."""

    beams: int = at_least(1, 3)
    captions: int = at_least(1, 3)  # beams shown, the best first
    # Above 0: captions are drawn instead, as many as beams, the likelier words the more
    # often the lower this is.
    temperature: float = at_least(0.0)
    seed: int = at_least(0)  # of what is drawn
    length: int = at_least(0)  # most words; 0: config.data.length
    least: int = at_least(0)  # least words
    alpha: float = at_least(0.0)  # beams are ranked by log p / length^alpha
    no_repeat: int = at_least(0)  # no n-gram of so many words twice; 0: any
    batch_size: int = at_least(1, 16)
    frames: int = at_least(0)  # of a video; 0: all
    every: int = at_least(1, 25)  # frames of a video from one caption to the next
    out: str = ""  # a folder for the pictures with their captions


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    encoder: Encoder = field(default_factory=Encoder)
    classifier: Classifier = field(default_factory=Classifier)
    stages: Stages = field(default_factory=Stages)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("td_sentence",)  # names in runs.RUNS
    # Of a run: follows from its name.
    task: str = choice("caption", "words", "classify")
    # Of a run: whether it goes on from the language model of the run before.
    warm: bool = False
    seeds: int = at_least(1)  # language models trained side by side
    clamp: float = at_least(0.0)  # of each element of the gradient; 0: none
    # W_c learns this many times as fast as the rest.
    text_rate: float = above(0.0, 1.0)
    # The rate halves every so many steps, continuously; 0: config.optim.schedule.
    halve_every: int = at_least(0)
    halve_from: int = at_least(0)  # the step at which that begins

    unit = "images"

    @property
    def vectors_cached(self) -> bool:
        """Whether the state knows the vectors of all training images."""
        e = self.encoder
        return self.task == "caption" and e.cached and not e.trains
