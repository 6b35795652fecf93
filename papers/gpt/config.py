"""Configuration of GPT."""

import dataclasses
from dataclasses import field

from common.config import at_least, between, choice, of_source
from common.sections import Training
from common.text.prompts import Predict
from common.transformer import Decoder
from papers.gpt.tasks.user_table import Columns


@dataclasses.dataclass
class Model(Decoder):
    network: str = choice("transformer", "lstm")
    lstm_units: int = at_least(1, 2048)  # of the LSTM's one layer
    softmax_over: str = choice("vocab", "table")  # the released code: its whole table
    head_dropout: float = between(0.0, 1.0)  # of the state that the head reads

    @property
    def layers(self) -> int:
        """Those that fine-tuning may take over."""
        return 1 if self.network == "lstm" else self.n_layers


@dataclasses.dataclass
class Data:
    """The text of pre-training. A fine-tuning run has its own batch_size here."""

    source: str = choice("embedded", "files", "tfds", "generated")
    # files: a file or folder; tfds: the data_dir
    root: str = of_source("files", "tfds")
    name: str = of_source("tfds")  # tfds: the data set
    tokenizer: str = ""  # its files; "": learned from the training text
    batch_size: int = at_least(1, 32)
    length: int = at_least(1, 64)  # tokens of a window
    # Embedded tasks whose held-out docstrings are not in the training text.
    without: tuple[str, ...] = ("topics", "same-module", "relatedness")


@dataclasses.dataclass
class Finetune:
    """Training for a task. Rates, decay and sizes replace those of pre-training."""

    root: str = ""  # the folder or file of a public task, or of the user's table
    columns: Columns = field(default_factory=Columns)  # of the task "table"
    per_class: int = at_least(1, 60)  # training examples of each class of "topics"
    examples: int = at_least(0)  # training examples; 0: all
    length: int = at_least(0)  # tokens of an input; 0: the longest's, if it fits
    epochs: int = at_least(1, 3)
    steps: int = at_least(0)  # instead of epochs, if it is not 0
    batch_size: int = at_least(1, 32)
    lr: float = at_least(0.0, 6.25e-5)  # the peak
    warmup: float = between(0.0, 1.0, 0.002)  # share of the steps before the peak
    weight_decay: float = at_least(0.0, 0.01)
    clip_norm: float = at_least(0.0, 1.0)
    aux_weight: float = at_least(0.0, 0.5)  # of the language model's loss
    # Layers taken over from pre-training; 0: the embeddings alone; -1: nothing. With
    # several numbers each has its own models; (): all layers.
    transfer: tuple[int, ...] = at_least(-1, ())
    compared: tuple[int, ...] = at_least(
        -1, ()
    )  # of TASK_transfer; (): all but the last
    seeds: int = at_least(1)  # models trained side by side, from different heads
    best: str = ""  # as loop.best


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 32)  # windows, or examples of a task
    tokens: int = at_least(2, 32_768)  # of a split that are read while training
    stride: int = at_least(0, 32)  # tokens by which a window moves; 0: its length
    items: int = at_least(1, 500)  # examples of a task asked without training for it
    sample: int = at_least(0, 100)  # tokens of generated text


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    finetune: Finetune = field(default_factory=Finetune)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("pretrain",)  # names in runs.RUNS
    task: str = ""  # what a run is fine-tuned for; "": it is pre-trained
    pretrained: str = ""  # the run whose parameters it takes over
    snapshots: int = at_least(0)  # states of pre-training kept, besides the first
    weights: str = ""  # start from these released weights

    @property
    def unit(self) -> str:
        return "examples" if self.task else "tokens"

    @property
    def items_per_step(self) -> int:
        rows = self.data.batch_size
        return rows * self.members if self.task else rows * self.data.length

    @property
    def depths(self) -> tuple[int, ...]:
        """How many layers each group of members takes over."""
        return self.finetune.transfer or (self.model.layers,)

    @property
    def members(self) -> int:
        """Models that the run trains side by side, depth by depth."""
        return len(self.depths) * self.finetune.seeds if self.task else 1
