"""What a lecture on GPT-2 shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    equation(
        "eq. 1",
        "a text's probability, token after token; the loss is the mean of its -log",
        "model.GPT2.nll",
        formula=r"p(x) = \prod_{i=1}^{n} p(s_i \mid s_1, \ldots, s_{i-1})",
    ),
    equation(
        "section 2, tasks",
        "a task is told by the text itself: p(output | input, task)",
        "zero_shot.conversation.asked",
        "zero_shot.summaries.score",
        "zero_shot.translation.score",
        "zero_shot.questions.score",
        formula=r"p(\mathrm{output} \mid \mathrm{input}, \mathrm{task})",
        drawn="diagrams.prompts",
    ),
    equation(
        "section 2.3",
        "blocks with a norm before each part, one more at the end, tied embeddings",
        "common.transformer.Block",
        "model.GPT2.logits",
        formula=r"""
h \leftarrow h + \mathrm{attention}(\mathrm{norm}(h))
h \leftarrow h + \mathrm{mlp}(\mathrm{norm}(h))
\mathrm{logits} = \mathrm{norm}(h)\ E^T
""",
    ),
    algorithm(
        "section 2.2",
        "pairs of bytes, merged by rank: no text is out of the vocabulary",
        "common.text.byte_bpe.ByteBPE",
    ),
    table("table 2", "four sizes", drawn="diagrams.sizes"),
    table(
        "table 3",
        "zero-shot language modelling: LAMBADA, children's books, corpora",
        "zero_shot.lambada.score",
        "zero_shot.cloze.score",
        "zero_shot.corpora.score",
        "paper_sets.paper_sets",
        results=("The paper's sets", "Without training for the task"),
        note="The paper's sets are read from --config.eval.root; our default asks "
        "questions of the same kinds about its own test text.",
    ),
    figure(
        "figure 1",
        "zero-shot tasks against size",
        "figures.zero_shot",
        results=("Zero-shot against size",),
    ),
    figure(
        "figure 2, 3",
        "children's books and Winograd schemas",
        "zero_shot.cloze.score",
        "zero_shot.winograd.score",
        command="--config=xl --config.eval.root=SETS",
    ),
    figure(
        "figure 4",
        "it still underfits: losses of training and held-out text fall together",
        "figures.losses",
        results=("Loss against size", "Loss"),
    ),
    table(
        "table 6",
        "8-grams of test sets that the training set has, by a Bloom filter",
        "zero_shot.overlap.Bloom",
        results=("8-grams that training has too",),
    ),
    table(
        "section 3.6",
        'summaries after "TL;DR:", top-k 2, three sentences',
        "zero_shot.summaries.score",
        "zero_shot.summaries.lead",
        results=("Without training for the task",),
    ),
    figure(
        "samples",
        "it continues a text",
        "predict.predict",
        results=("Sample*",),
    ),
    claim(
        "section 6",
        "language models learn tasks without being told, the better the larger",
        results=("Summary",),
    ),
)
