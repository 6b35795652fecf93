"""What a lecture on SPTree shows."""

from common.lecture import algorithm, claim, equation, figure, table

TABLE_1 = "Table 1: entities and relations"
TABLE_2 = "Table 2: without its parts"
CELL = r"""
i_t = \sigma(W^{(i)} x_t + \sum_{l \in C(t)} U^{(i)}_{m(l)} h_{tl} + b^{(i)})
f_{tk} = \sigma(W^{(f)} x_t + \sum_{l \in C(t)} U^{(f)}_{m(k)m(l)} h_{tl} + b^{(f)})
o_t = \sigma(W^{(o)} x_t + \sum_{l \in C(t)} U^{(o)}_{m(l)} h_{tl} + b^{(o)})
u_t = \tanh(W^{(u)} x_t + \sum_{l \in C(t)} U^{(u)}_{m(l)} h_{tl} + b^{(u)})
c_t = i_t \odot u_t + \sum_{l \in C(t)} f_{tl} \odot c_{tl}, \quad h_t = o_t \odot \tanh(c_t)
"""  # noqa: E501

LECTURE = (
    figure(
        "figure 1",
        "words, a BiLSTM, entities, and a tree LSTM between two of them",
        "model.Extractor",
        drawn="diagrams.network",
    ),
    figure(
        "shortest path",
        "the tree of the example, the path between its entities in colour",
        "common.tree_paths.paths",
        drawn="diagrams.tree",
        results=("A sentence of the test",),
    ),
    equation(
        "eq. 1",
        "the sequence layer: an LSTM both ways",
        "model.Reader",
        "common.recurrent.BiLSTM",
    ),
    equation(
        "eq. 2, 3",
        "entities as labels, each knowing the one before",
        "entities.EntityLayer",
        "entities.greedy",
        "bilou.successors",
        formula=r"""
h_t^{(e)} = \tanh(W^{(e_h)} [s_t; v_{t-1}^{(e)}] + b^{(e_h)})
y_t = \mathrm{softmax}(W^{(e_y)} h_t^{(e)} + b^{(e_y)})
""",
    ),
    equation(
        "eq. 4",
        "a tree LSTM: children of one type share a matrix",
        "common.trees.cell",
        "common.trees.child_sum",
        formula=CELL,
    ),
    equation(
        "eq. 5 to 7",
        "a relation from the ends and the top of the path",
        "relations.RelationLayer",
        "relations.decide",
        formula=r"d_p = [\uparrow h_{pA};\ \downarrow h_{p1};\ \downarrow h_{p2}]",
    ),
    algorithm(
        "section 3.5",
        "scheduled sampling of entity labels, and entity pre-training",
        "objective.shown_rate",
        "objective.shown",
        formula=r"\epsilon_i = k / (k + \exp(i / k))",
        drawn="diagrams.sampling",
    ),
    algorithm(
        "joint",
        "one sum of cross-entropies, shared parameters, end to end",
        "objective.losses",
    ),
    table(
        "table 1",
        "entities and relations on ACE05 and ACE04",
        "scoring.score",
        results=(TABLE_1,),
        note="The rows of the paper stand below ours. On the sets themselves: "
        "--config=ace05, --config=ace04.",
    ),
    table(
        "table 2",
        "without entity pre-training, sampling, label embeddings, sharing",
        "measure.differ",
        results=(TABLE_2,),
        config="parts",
    ),
    table(
        "table 3",
        "other trees: SubTree, FullTree, Child-Sum, SPSeq, SPXu",
        "structures.ShortestPath",
        "structures.WholeTree",
        "structures.PathSequence",
        "structures.PathMaxima",
        results=("Structures",),
        config="structures",
    ),
    table(
        "table 4, 5",
        "SemEval-2010 task 8",
        "measure.semeval_macro_f1",
        results=("SemEval-2010 Task 8",),
        config="semeval",
    ),
    table(
        "more",
        "by the words between entities, and by type",
        results=("By distance", "By type"),
    ),
    claim("section 1", "the tree tells the relation", results=("Summary",)),
)
