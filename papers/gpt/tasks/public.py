"""The public sets whose examples are rows of tables."""

from papers.gpt.tasks.layouts import Layout, TableTask

_SPLITS = {"train": ("train.tsv",), "valid": ("dev.tsv",), "test": ("test.tsv",)}
_ENTAILS = {"entailment": "entailment", "not_entailment": "not_entailment"}
_THREE = {name: name for name in ("entailment", "neutral", "contradiction")}
_PARAPHRASE = {"0": "not_paraphrase", "1": "paraphrase"}
_COLA_COLUMNS = ("source", "label", "star", "sentence")
_STS_COLUMNS = ("genre", "file", "year", "index", "score", "sentence1", "sentence2")


def _cola_files(train: str, *valid: str, places: tuple[str, ...]) -> Layout:
    return Layout(
        (train,), valid, (), ("sentence",), header=_COLA_COLUMNS, places=places
    )


def _inference_files(stem: str, kind: str, valid: str, test: str, place: str) -> Layout:
    """SNLI's and MultiNLI's own release, a table or JSON lines."""
    ending = {"tsv": "txt", "jsonl": "jsonl"}[kind]
    train, valid, test = (f"{stem}_{part}.{ending}" for part in ("train", valid, test))
    return Layout(
        (train,),
        (valid,),
        (test,),
        ("sentence1", "sentence2"),
        "gold_label",
        kind=kind,
        ragged=True,
        places=(place,),
    )


def _mnli(matched: str) -> TableTask:
    glue = Layout(
        ("train.tsv",),
        (f"dev_{matched}.tsv",),
        (f"test_{matched}.tsv",),
        ("sentence1", "sentence2"),
        "gold_label",
        places=("MNLI",),
    )
    own = [
        _inference_files(
            "multinli_1.0", kind, f"dev_{matched}", f"test_{matched}", "multinli_1.0"
        )
        for kind in ("jsonl", "tsv")
    ]
    return TableTask("entailment", _THREE, ("accuracy",), (glue, *own))


PUBLIC = {
    "cola": TableTask(
        "classification",
        {"0": "unacceptable", "1": "acceptable"},
        ("mcc", "accuracy"),
        (
            _cola_files("train.tsv", "dev.tsv", places=("CoLA",)),
            _cola_files(
                "in_domain_train.tsv",
                "in_domain_dev.tsv",
                "out_of_domain_dev.tsv",
                places=("raw", "cola_public/raw"),
            ),
        ),
    ),
    "sst2": TableTask(
        "classification",
        {"0": "negative", "1": "positive"},
        ("accuracy",),
        (Layout(**_SPLITS, texts=("sentence",), places=("SST-2",)),),
    ),
    "mrpc": TableTask(
        "similarity",
        _PARAPHRASE,
        ("f1", "accuracy"),
        (
            Layout(
                **_SPLITS,
                texts=("#1 String", "#2 String"),
                label="Quality",
                places=("MRPC",),
            ),
            Layout(
                ("msr_paraphrase_train.txt",),
                (),
                ("msr_paraphrase_test.txt",),
                ("#1 String", "#2 String"),
                "Quality",
                places=("MRPC", "MSRParaphraseCorpus"),
            ),
        ),
    ),
    "stsb": TableTask(
        "similarity",
        {},
        ("pearson", "spearman"),
        (
            Layout(
                **_SPLITS,
                texts=("sentence1", "sentence2"),
                label="score",
                places=("STS-B",),
            ),
            Layout(
                ("sts-train.csv",),
                ("sts-dev.csv",),
                ("sts-test.csv",),
                ("sentence1", "sentence2"),
                "score",
                header=_STS_COLUMNS,
                ragged=True,
                places=("stsbenchmark",),
            ),
        ),
        scored=True,
    ),
    "qqp": TableTask(
        "similarity",
        {"0": "not_duplicate", "1": "duplicate"},
        ("f1", "accuracy"),
        (
            Layout(
                **_SPLITS,
                texts=("question1", "question2"),
                label="is_duplicate",
                places=("QQP",),
            ),
        ),
    ),
    "mnli": _mnli("matched"),
    "mnli-mm": _mnli("mismatched"),
    "snli": TableTask(
        "entailment",
        _THREE,
        ("accuracy",),
        (
            _inference_files("snli_1.0", "jsonl", "dev", "test", "snli_1.0"),
            _inference_files("snli_1.0", "tsv", "dev", "test", "snli_1.0"),
            Layout(
                **_SPLITS,
                texts=("sentence1", "sentence2"),
                label="gold_label",
                places=("SNLI",),
            ),
        ),
    ),
    "qnli": TableTask(
        "entailment",
        _ENTAILS,
        ("accuracy",),
        (Layout(**_SPLITS, texts=("question", "sentence"), places=("QNLI",)),),
    ),
    "rte": TableTask(
        "entailment",
        _ENTAILS,
        ("accuracy",),
        (Layout(**_SPLITS, texts=("sentence1", "sentence2"), places=("RTE",)),),
    ),
    "scitail": TableTask(
        "entailment",
        {"entails": "entailment", "neutral": "neutral"},
        ("accuracy",),
        (
            Layout(
                ("scitail_1.0_train.tsv",),
                ("scitail_1.0_dev.tsv",),
                ("scitail_1.0_test.tsv",),
                ("premise", "hypothesis"),
                header=("premise", "hypothesis", "label"),
                places=("tsv_format", "SciTailV1.1/tsv_format"),
            ),
        ),
    ),
}
