"""What the paper reports, in per cent (tables 2 to 5), by the names of our tasks."""

# The fine-tuned Transformer: accuracy, F1 (MRPC, QQP), Pearson (STS-B), MCC (CoLA).
FINE_TUNED = {
    "mnli": 82.1, "mnli-mm": 81.4, "snli": 89.9, "scitail": 88.3, "qnli": 88.1,
    "rte": 56.0, "rocstories": 86.5, "race-middle": 62.9, "race-high": 57.4,
    "race": 59.0, "cola": 45.4, "sst2": 91.3, "mrpc": 82.3, "stsb": 82.0, "qqp": 70.3,
}  # fmt: skip

# Table 5: averages over its tasks.
ABLATION = {
    "pre-trained, aux": 74.7,
    "pre-trained": 75.0,
    "no pre-training": 59.9,
    "LSTM": 69.1,
}
