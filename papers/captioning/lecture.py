"""What a lecture on text-conditional attention for captions shows."""

from common.lecture import algorithm, claim, equation, figure, table

CAPTIONS = "Captions"

LECTURE = (
    figure(
        "networks",
        "NT2, img-gLSTM and td-gLSTM: when the image is read",
        "model.Captioner",
        drawn="diagrams.networks",
    ),
    equation(
        "full tensor",
        "guidance from image and words, each with each",
        "guidance.bilinear",
        formula=r"g_t^i = \Phi(\sum_{jk} W_{ijk} I^j S_t^k + b^i)",
    ),
    equation(
        "factored",
        "the image, weighed by the words so far",
        "guidance.factored",
        "guidance.factored_as_bilinear",
        formula=r"g_t = \Phi(I \odot W_c S_t)",
    ),
    equation(
        "sentence",
        "S is the mean of all words since START, or of the last one, or n",
        "guidance.Sentence",
        "guidance.NGram",
        formula=r"g_t = \Phi\left(I \odot W_c \frac{1}{t} "
        r"\sum_{k=1}^{t} S_{k-1}\right)",
    ),
    equation(
        "gLSTM",
        "the guidance enters every gate at every step",
        "model.Captioner",
        formula=r"z_t = W_x E[w_{t-1}] + W_g g_t + U h_{t-1} + b",
    ),
    table(
        "phi",
        "tanh, softmax, identity, and the full tensor",
        "guidance.PHI",
        results=(CAPTIONS, "By seed"),
        config="phis",
    ),
    algorithm(
        "three stages",
        "gLSTM on a frozen encoder; the encoder too; td-gLSTM from there",
        "objective.losses",
        "train.train_step",
        results=(CAPTIONS,),
        config="warm",
    ),
    algorithm(
        "beam search",
        "the sums of words follow their beams",
        "decoding.captions",
    ),
    table(
        "comparison",
        "NT2, img-gLSTM and td-gLSTM by BLEU, METEOR, CIDEr",
        "caption_metrics.cider_d",
        results=(CAPTIONS, "The constant caption", "Beside *"),
    ),
    table(
        "published",
        "sc-vgg-16 97.0, sc-resnet-34 98.1, sc-resnet-200 101.2 CIDEr",
        "paper_results.ENCODERS",
        results=("Published",),
        note="NT2 says about 90 with fine-tuning; its users report 67 to 82 without.",
    ),
    table(
        "n-grams",
        "1-gram, n-grams, the sentence",
        results=(CAPTIONS, "By seed"),
        config="ngrams",
    ),
    table(
        "encoders",
        "the image encoder matters",
        results=(CAPTIONS,),
        config="encoders",
    ),
    figure(
        "guidance",
        "what the guidance says at each word",
        "figures.guidance",
        "figures.nearest_words",
        results=("Guidance, *", "Words that guide, *"),
    ),
    figure(
        "captions",
        "pictures with their captions",
        "figures.with_caption",
        results=("Pictures with their captions, *", "What is right in the captions"),
    ),
    claim("section 1", "words so far tell where to look", results=("Summary",)),
)
