"""The variants of GPT: the default, the paper's pre-training and its fine-tuning.

`default` is the run of this package's README. `bookcorpus` has the settings of section
4.1; the tasks of tables 2 to 4 fine-tune released weights by the recipe of the paper
and of its released code. None of these was trained here, for they need accelerators.
The commands are

    python launch/main.py --paper=gpt --config=bookcorpus --config.data.root=BOOKS
    python launch/main.py --paper=gpt --config=cola --config.finetune.root=FOLDER \\
        --config.weights=WEIGHTS --config.data.tokenizer=WEIGHTS
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.text.prompts import Predict
from common.variants import get, variant
from papers.gpt import tasks
from papers.gpt.config import Config, Data, Eval, Finetune, Model

VOCABULARY = 40_478  # <unk>, 238 letters, twice but for one, and 40,000 merges


def _default() -> Config:
    """Pre-training, then two tasks by what each was trained with: minutes on 2 cores.

    On CPython's own documentation: a choice of endings, which only the order of words
    tells, and a classification by topic, which words alone tell. Of the layers, topics
    take over none, the embeddings, and half.
    """
    return Config(
        model=Model(
            vocab_size=1_500, context=64, n_layers=4, d_model=96, lstm_units=264
        ),
        data=Data(batch_size=32, length=64),
        optim=Optim(
            name="adamw", lr=2e-3, weight_decay=0.01, clip_norm=1.0,
            schedule=Schedule(warmup=150),
        ),
        loop=Loop(steps=500, log_every=20, eval_every=250, save_every=0),
        finetune=Finetune(
            batch_size=16, lr=1e-3, steps=100, warmup=0.1, per_class=50, length=54,
            seeds=3, compared=(-1, 0, 2),
        ),
        runs=(
            "pretrain", "pretrain_lstm",
            "endings", "endings_no_aux", "endings_scratch", "endings_lstm",
            "topics", "topics_no_aux", "topics_transfer", "topics_lstm",
        ),
        snapshots=5,
    )  # fmt: skip


def _smoke() -> Config:
    """Seconds, on generated text: what the tests run."""
    return Config(
        model=Model(
            vocab_size=150, context=32, n_layers=2, d_model=16, n_heads=2, lstm_units=16
        ),
        data=Data(source="generated", batch_size=8, length=32),
        # A choice's bias has no gradient but rounding: a larger eps leaves it so.
        optim=Optim(
            name="adamw", lr=3e-3, weight_decay=0.01, clip_norm=1.0, eps=1e-5,
            schedule=Schedule(warmup=5),
        ),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        finetune=Finetune(steps=10, batch_size=8, lr=2e-3, seeds=2),
        eval=Eval(batch_size=8, tokens=600, stride=16, items=8, sample=20),
        predict=Predict(length=20, batch_size=4),
        runs=("pretrain", "toy-choice", "toy-kind", "toy-entailment", "toy-similarity"),
        snapshots=2,
    )  # fmt: skip


def _forms() -> Config:
    """The default's network on four tasks, one for each form of input.

    Endings, topics, whether two docstrings stand in one module, and how near two halves
    of docstrings are; each pre-trained, without the auxiliary loss, and from scratch.
    """
    config = _default()
    config.runs = (
        "pretrain",
        *(
            f"{task}{condition}"
            for task in ("endings", "topics", "same-module", "relatedness")
            for condition in ("", "_no_aux", "_scratch")
        ),
    )
    return config


def _bookcorpus() -> Config:
    """BooksCorpus: 12 layers, 116,534,784 parameters, perplexity 18.4 there.

    100 epochs of 64 x 512 tokens, if a word of its billion is 1.3 tokens. Data: a
    folder of books, with --config.data.tokenizer=FOLDER for the released vocabulary.
    """
    return Config(
        model=Model(
            vocab_size=VOCABULARY, context=512, n_layers=12, d_model=768, n_heads=12,
            dropout=0.1, attention_dropout=0.1, head_dropout=0.1, scan=True, remat=True,
        ),
        data=Data(source="files", batch_size=64, length=512),
        optim=Optim(
            name="adamw", lr=2.5e-4, weight_decay=0.01, clip_norm=1.0,
            schedule=Schedule(warmup=2_000),
        ),
        loop=Loop(steps=3_900_000, log_every=100, eval_every=5_000, save_every=5_000),
        eval=Eval(batch_size=64, tokens=1 << 20, stride=256, items=10_000),
    )  # fmt: skip


TASKS = (*tasks.PUBLIC, "rocstories", "race")  # of tables 2 to 4


def _recipe(task: str) -> Config:
    """Fine-tuning of released weights: batches of 32, 3 epochs, rate 6.25e-5, λ 0.5."""
    config = _bookcorpus()
    config.runs = (task,)
    config.data = Data(source="embedded")
    config.finetune = Finetune()
    config.loop = Loop(log_every=10, eval_every=100, save_every=0)
    config.model.softmax_over = "table"
    config.model.scan = config.model.remat = False
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "forms": _forms,
    "bookcorpus": _bookcorpus,
    **{
        task: variant(_recipe, f"{task} (tables 2 to 4), from released weights.", task)
        for task in TASKS
    },
    "table": variant(
        _recipe, "A table of the user's: columns by config.finetune.columns.", "table"
    ),
}

EXTRA = 3 * 768  # rows of the special tokens


def _count(outputs: int) -> int:
    """Parameters with the special tokens and a head of so many outputs."""
    return 116_534_784 + EXTRA + 769 * outputs


PARAM_COUNTS = {
    "bookcorpus": 116_534_784,
    **dict.fromkeys(("mnli", "mnli-mm", "snli"), _count(3)),
    **dict.fromkeys(("race", "rocstories"), _count(1)),
    **dict.fromkeys(
        ("scitail", "qnli", "rte", "cola", "sst2", "mrpc", "qqp"), _count(2)
    ),
    "stsb": _count(6),
    "table": _count(2),
}

get_config = partial(get, VARIANTS)
