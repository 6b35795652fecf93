"""The tasks of fine-tuning as data: examples, the arrays that the network reads, and
the measures of its predictions.

    task = tasks.load("cola", "~/glue")
    inputs = tasks.Inputs(task, "train", encode, vocab_size=40478, n_ctx=512)
    batches = pipeline(inputs, batch_size=32, shuffle=True)
    ...
    tasks.measure(task, tasks.predictions(task, logits), labels)
"""

from papers.gpt.tasks.baseline import bag_of_bigrams
from papers.gpt.tasks.catalogue import FROM_FILES, NAMES, load, shape_without_data
from papers.gpt.tasks.embedded import held_out, without
from papers.gpt.tasks.forms import (
    LEAST,
    Encode,
    Inputs,
    Specials,
    batch_spec,
    lm_targets,
)
from papers.gpt.tasks.measures import agreement, measure, predictions
from papers.gpt.tasks.public import PUBLIC
from papers.gpt.tasks.soft_targets import expected, soft_target
from papers.gpt.tasks.task import FORMS, METRICS, TOP_SCORE, Example, Shape, Task
from papers.gpt.tasks.user_table import Columns
