"""What words alone tell: logistic regression on a bag of words and bigrams."""

import numpy as np

from common.contract import UserError
from papers.gpt.tasks.measures import measure
from papers.gpt.tasks.task import Task


def bag_of_bigrams(task: Task, split: str = "test") -> dict[str, float]:
    """{metric: value} on a split of a text classification, fitted on its training
    split: tf-idf, 1 + log of the counts, of words and of pairs of neighbours.

    Raises:
      UserError: the task is of another form.
    """
    if task.form != "classification" or task.scored:
        raise UserError(
            f"a bag of bigrams classifies single texts; {task.name} is {task.form}"
        )
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(max_iter=1000),
    )
    train, held_out = task.of("train"), task.of(split)
    model.fit([e.texts[0] for e in train], [e.label for e in train])
    predicted = model.predict([e.texts[0] for e in held_out])
    return measure(task, predicted, np.array([e.label for e in held_out]))
