"""What a lecture on DKN shows."""

from common.lecture import algorithm, claim, equation, figure, table

TABLE_2 = "Table 2: the models"

LECTURE = (
    figure(
        "figure 3",
        "the network: titles, attention to clicks, the candidate",
        "model.DKN",
        drawn="diagrams.network",
    ),
    figure(
        "figure 4",
        "three aligned channels: words, entities, contexts",
        "model.KCNN",
        drawn="diagrams.channels",
    ),
    equation(
        "eq. 4, 5",
        "the context of an entity: the mean of its neighbours in the graph",
        "vectors.contexts",
        formula=r"\bar{e} = \frac{1}{|context(e)|} \sum_{e_i \in context(e)} e_i",
    ),
    equation(
        "eq. 6, 7",
        "entities are mapped into the space of words",
        "model.EntityMap",
        formula=r"g(e) = M e \quad \mathrm{or} \quad \tanh(M e + b)",
    ),
    equation(
        "eq. 8, 9",
        "one convolution over the aligned channels, and a maximum over places",
        "model.KCNN",
        "model.Windows",
        formula=r"""
W = [[w_1\ g(e_1)\ g(\bar{e}_1)] \ldots [w_n\ g(e_n)\ g(\bar{e}_n)]]
c_i^h = f(h * W_{i:i+l-1} + b), \quad e(t) = [\max_i c_i^{h_1} \ldots \max_i c_i^{h_m}]
""",
    ),
    equation(
        "eq. 10",
        "attention: how much a click says of this candidate",
        "model.attention_weights",
        formula=r"s_{t_k, t_j} = \mathrm{softmax}_k\ H(e(t_k), e(t_j))",
    ),
    equation(
        "eq. 11, 12",
        "the user, and the probability of a click",
        "model.DKN",
        "train.log_loss",
        formula=r"""
e(i) = \sum_k s_{t_k, t_j}\ e(t_k)
p = G(e(i), e(t_j))
""",
    ),
    algorithm(
        "graph vectors",
        "TransE, TransH, TransR or TransD, trained before",
        "papers.knowledge_graph.scores.PROJECTIONS",
        "vectors.tables",
    ),
    table(
        "table 1",
        "the data: users, news, impressions, entities, triples",
        results=("Data",),
    ),
    table(
        "table 2",
        "F1 and AUC of DKN and its baselines, with p values",
        "baselines.NETWORKS",
        "measure.paired_p",
        "paper_results.TABLE_2",
        results=(TABLE_2, "Ranking"),
    ),
    table(
        "table 3",
        "without entities, context, mapping, attention; all four embeddings",
        "tables.ablation",
        results=("Table 3: DKN without its parts",),
    ),
    figure(
        "figure 6",
        "AUC day by day",
        "figures.by_time",
        results=("AUC by time",),
    ),
    figure(
        "figure 7",
        "AUC over the dimensions of words and entities",
        "figures.sweeps",
        results=("AUC over the sweeps", "Sweeps"),
        config="widths",
    ),
    figure(
        "figure 8",
        "AUC over numbers of filters and windows",
        "figures.sweeps",
        results=("AUC over the sweeps", "Sweeps"),
        config="filters",
    ),
    figure(
        "figure 9",
        "attention of test titles to a user's clicks, with and without knowledge",
        "figures.attention",
        results=("Attention, *",),
    ),
    claim("section 1", "knowledge makes news vectors better", results=("Summary",)),
)
