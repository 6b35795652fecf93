"""What a lecture on TransE, TransH, TransR and TransD shows."""

from common.lecture import algorithm, claim, equation, figure, table

LINKS = ("Link prediction",)

LECTURE = (
    figure(
        "figure 1 of each",
        "what each embedding does with h and t before it translates by r",
        "scores.PROJECTIONS",
        drawn="diagrams.translations",
    ),
    equation(
        "TransE",
        "a true triple's tail is its head, moved by r",
        "scores.identity",
        "scores.score",
        formula=r"f_r(h, t) = \Vert h + r - t \Vert",
    ),
    equation(
        "TransH",
        "on a hyperplane of the relation, so that an entity has several roles",
        "scores.on_hyperplane",
        formula=r"f_r(h, t) = \Vert (h - w_r^T h\, w_r) + d_r - "
        r"(t - w_r^T t\, w_r) \Vert^2",
    ),
    equation(
        "TransR",
        "in a space of the relation's own",
        "scores.into_relation_space",
        formula=r"f_r(h, t) = \Vert h M_r + r - t M_r \Vert^2",
    ),
    equation(
        "TransD",
        "by a matrix of two vectors, one of the relation and one of the entity",
        "scores.by_dynamic_matrix",
        formula=r"f_r(h, t) = \Vert (r_p h_p^T + I)\, h + r - "
        r"(r_p t_p^T + I)\, t \Vert^2",
    ),
    equation(
        "margin loss",
        "a true triple is nearer than a corrupted one, by a margin",
        "objective.margin_loss",
        formula=r"L = \sum_{(h, r, t)} \sum_{(h', r, t')} "
        r"[\gamma + f_r(h, t) - f_r(h', t')]_+",
    ),
    algorithm(
        "negatives",
        "replaced heads and tails, evenly or by the relation's kind (bern)",
        "data.Corruption",
        "common.data.triples.replaces_head",
    ),
    algorithm(
        "constraints",
        "norms of at most 1; the soft constraint of TransH",
        "constraints.of_rows",
        "constraints.of_projected",
        "objective.off_hyperplane",
    ),
    algorithm(
        "ranks",
        "raw and filtered ranks, mean rank and Hits@10",
        "ranks.of_relation",
        "ranks.measures",
    ),
    table(
        "link prediction",
        "TransE .471, TransH .644, TransR .687, TransD .773 on FB15k, filtered Hits@10",
        results=LINKS,
        note="On FB15k itself: --config=fb15k --config.data.root=FOLDER.",
    ),
    table(
        "kinds",
        "by kinds of relations: 1-1, 1-N, N-1, N-N",
        "measure.kinds",
        results=("Kinds of relations", "Relations"),
    ),
    table(
        "classification",
        "true or false, by a threshold for each relation",
        "measure.accuracy",
        "measure.threshold",
        results=("Triple classification",),
    ),
    figure("map", "entities in the plane", results=("Map", "Graph")),
    claim("comparison", "projections predict better", results=("Summary",)),
)
