"""What a lecture on Transformer-XL shows."""

from common.lecture import algorithm, claim, equation, figure, table

CURVES = "Bits per character against attention length"
RECURRENCE = r"""
\tilde{h}_{\tau+1}^{n-1} = [\mathrm{SG}(h_{\tau}^{n-1}) \circ h_{\tau+1}^{n-1}]
q_{\tau+1}^{n},\ k_{\tau+1}^{n},\ v_{\tau+1}^{n} = h_{\tau+1}^{n-1} W_q^T,\ \tilde{h}_{\tau+1}^{n-1} W_k^T,\ \tilde{h}_{\tau+1}^{n-1} W_v^T
h_{\tau+1}^{n} = \mathrm{TransformerLayer}(q_{\tau+1}^{n}, k_{\tau+1}^{n}, v_{\tau+1}^{n})
"""  # noqa: E501
ABSOLUTE = r"""
A_{i,j}^{\mathrm{abs}} = E_{x_i}^T W_q^T W_k E_{x_j} + E_{x_i}^T W_q^T W_k U_j + U_i^T W_q^T W_k E_{x_j} + U_i^T W_q^T W_k U_j
"""  # noqa: E501
RELATIVE = r"""
A_{i,j}^{\mathrm{rel}} = E_{x_i}^T W_q^T W_{k,E} E_{x_j} + E_{x_i}^T W_q^T W_{k,R} R_{i-j} + u^T W_{k,E} E_{x_j} + v^T W_{k,R} R_{i-j}
"""  # noqa: E501
GAIN = r"""
f_i(c, c') = \frac{1}{|\mathcal{T}|} \sum_{t \in \mathcal{T}} \min(b_c(t), l_i(c', t))
g_i(c, c') = \frac{\exp f_i(c, c) - \exp f_i(c, c')}{\exp f_i(c, c)}
"""

LECTURE = (
    figure(
        "figure 1",
        "the vanilla model: segments in training, a sliding window in evaluation",
        "measure.by_segments",
        "measure.sliding",
        drawn="diagrams.vanilla",
    ),
    figure(
        "figure 2",
        "segments with a memory, in training and in evaluation",
        "figures.reach",
        drawn="diagrams.xl",
        results=("Figure 2, measured*",),
        note="The measured figure changes one token at a time and looks which states "
        "change.",
    ),
    equation(
        "section 3.2",
        "segment recurrence: keys and values also come from the segment before",
        "memory.Memory.extend",
        "layer.Attention.key_value",
        "memory.KeyValue.then",
        formula=RECURRENCE,
    ),
    equation(
        "section 3.3, absolute",
        "(word + position) times (word + position), expanded into four terms",
        "encodings.Vaswani",
        "encodings.AlRfou",
        formula=ABSOLUTE,
    ),
    equation(
        "section 3.3, relative",
        "the four terms with distances: content, distance, and a bias for each",
        "common.attention.relative_scores",
        "common.attention.relative_terms",
        "encodings.Relative",
        formula=RELATIVE,
        results=("What the layers attend to",),
        note="Learned relative positions, the table's other encoding, are "
        "encodings.Shaw.",
    ),
    equation(
        "section 3.3, sinusoids",
        "R: sines and cosines of distances, not learned",
        "common.attention.sinusoids",
        "encodings.distance_sines",
        drawn="diagrams.distances",
    ),
    algorithm(
        "appendix B",
        "the scores of all distances in linear time",
        "common.attention.relative_shift",
    ),
    algorithm(
        "section 4.1",
        "adaptive input and softmax: a word's bin, then the word in it",
        "adaptive.AdaptiveVocabulary",
        formula=r"p(w) = p(b)\ p(w \mid b)",
    ),
    table(
        "table 1",
        "WikiText-103",
        results=("Perplexity",),
        config="wt103_base",
    ),
    table(
        "table 2, 3",
        "enwik8 and text8: language models of characters",
        results=("Bits per character",),
        config="enwik8_12l",
        note="text8 is --config=text8_24l. Our default reads CPython's documentation.",
    ),
    table(
        "table 4",
        "One Billion Word",
        command="--config=lm1b_large",
        note="Not here: tables 5 (Penn Treebank) and 7 (an ablation on these words).",
    ),
    table(
        "table 6",
        "ablation: encodings, recurrence, loss on all or half of a segment",
        results=("Table 6",),
        config="ablation",
    ),
    figure(
        "table 6, attention length",
        "how far it is good to look back",
        "measure.attending",
        results=(CURVES, f"{CURVES}: curves"),
    ),
    equation(
        "appendix C",
        "relative gain of longer contexts over the best short one",
        "recl.relative_gain",
        formula=GAIN,
    ),
    table(
        "table 8",
        "relative effective context length (RECL)",
        "recl.recl",
        results=("Relative effective context length",),
    ),
    table(
        "table 9",
        "evaluation is hundreds of times faster than with a sliding window",
        "cost.speed_table",
        "decode.read",
        results=("Seconds a token",),
    ),
    figure(
        "appendix D",
        "what the heads attend to",
        "figures.attention",
        results=("Attention map of the last layer, mean of its heads",),
    ),
    figure(
        "section 4.4",
        "text from the 40 most probable words",
        "decode.predict",
        results=("Sample",),
    ),
    claim(
        "depth",
        "deeper is better, on equal tokens",
        results=("Loss against depth",),
        config="depth",
    ),
    claim("section 1", "a memory lowers the loss, and is fast", results=("Summary",)),
)
