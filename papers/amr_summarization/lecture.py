"""What a lecture on semantic summaries shows."""

from common.lecture import algorithm, claim, equation, figure, table

LECTURE = (
    figure(
        "step 1",
        "each sentence becomes an AMR graph",
        "rules.graph_of",
        "sequences.writing.Parser",
        drawn="diagrams.sentence_graphs",
        note="The trained parser is an encoder-decoder: --run=parser. The drawn graphs "
        "are those of a small document by hand.",
    ),
    figure(
        "step 2",
        "one graph of the document: names and coreference merge nodes",
        "selection.merging.merged",
        "selection.names.same_name",
        "selection.coreference.clusters",
        drawn="diagrams.document_graph",
        results=("Its graph",),
    ),
    equation(
        "step 3",
        "key nodes by tf or tf-idf; common nouns that are frequent are meta nodes",
        "selection.importance.keys",
        "selection.importance.inverse_frequencies",
        formula=r"\mathrm{tf} \cdot \log(N / \mathrm{df})",
        drawn="diagrams.keys",
        note="The released code multiplies the best five by idf alone; both are "
        "options of config.predict.scores.",
    ),
    algorithm(
        "step 4",
        "key relations: pairs of key nodes, the path nearest to the root, open tuples",
        "selection.select.pieces",
        "selection.paths.nearest_to_root",
        "selection.open_tuples.tuples",
        drawn="diagrams.summary_graph",
    ),
    algorithm(
        "step 5",
        "the summary's graph is put into words",
        "wording.realise.sentence",
        "wording.graph_text.words",
        "sequences.writing.Generator",
        drawn="diagrams.summary",
        results=("A summary", "How it is said"),
    ),
    algorithm(
        "size",
        "a share of the document's nodes, with a slack",
        "selection.summarise.node_size",
    ),
    algorithm(
        "encoder-decoder",
        "a parser and a generator of graphs, the same network",
        "model.Network",
        "train.train_step",
        results=("Held-out sentences",),
    ),
    table(
        "scores",
        "nodes, edges and ROUGE beside lead, TextRank and an oracle",
        "measure.scored",
        "common.text.rouge.rouge",
        results=("Summaries", "Documents"),
        note="The paper reports node F1 on the AMR bank's proxy reports, which are "
        "licensed: --config.eval.root=FILE.penman reads them.",
    ),
    claim("section 1", "without training for summaries", results=("Summary",)),
)
