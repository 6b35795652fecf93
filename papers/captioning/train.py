"""Training the captioner and its encoder: state, one step, the evaluation of a batch.

A state holds one language model for each of `config.seeds`. They read the same batches
and the same image vectors, and share nothing else.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt32

from common import optim, rng
from common.brief import Brief
from common.metrics import Gathered, Mean
from papers.captioning import (
    classifier,
    decoding,
    encoder,
    initial,
    objective,
    validation,
    word_labels,
)
from papers.captioning.config import Config
from papers.captioning.model import Captioner

CPU_DEVICES = 1


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    # {"language": leaves [seeds, ...]}, or of the run "words" {"words"}, and, if it
    # trains, {"encoder"}.
    params: Any
    opt_state: Any
    # {"params", "batch_stats"} of the encoder, as far as they do not train, and
    # {"scale"} of its units.
    encoder: Any
    # I of every training image, where the encoder is frozen and `encoder.cached`.
    vectors: Any = struct.field(metadata={"training_only": True})
    vocabulary: UInt32[Array, ""]  # mark of the words that numbers stand for; 0: none


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step. `after` holds the runs that the encoder, and of
    a warm start the language model, come from."""
    if config.task == "classify":
        params, fixed, vectors = *classifier.variables(config, key), ()
        mark = jnp.uint32(0)
    else:
        mark = initial.vocabulary_mark(config)
        params, fixed, vectors = initial.caption_variables(config, key, after or {})
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        opt_state=_tx(config).init(params),
        encoder=fixed,
        vectors=vectors,
        vocabulary=mark,
    )


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One batch; `loss` is in nats a target, a mean over the seeds."""
    if config.task == "classify":
        found, fixed = classifier.gradients(config, state, batch, axis_name)
    else:
        found = _gradients(config, state, batch, axis_name)
        fixed = {**state.encoder, **found.aux}
    updates, opt_state = _tx(config).update(found.grads, state.opt_state, state.params)
    seeds = config.seeds if config.task == "caption" else 1
    metrics = {"loss": found.loss / seeds, "lr": _rate(config)(state.step)}
    state = state.replace(
        step=state.step + 1,
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
        encoder=fixed,
    )
    return state, metrics


def _gradients(config: Config, state: State, batch: dict, axis_name: str | None):
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)

    def loss_fn(params, rows, chunk):
        keys = jax.random.split(jax.random.fold_in(dropout, chunk), config.seeds + 1)
        image, moved = _images(config, state, params, rows, keys[0], axis_name)
        if config.task == "words":
            each, words = word_labels.losses(params["words"], image, rows["tokens"])
            loss = Mean.of(each, words * rows["mask"][:, None])
            return optim.Objective(loss, aux=moved)

        def of_seed(params, key):
            logits = Captioner(config.model).apply(
                {"params": params},
                image,
                rows["tokens"],
                train=True,
                rngs={"dropout": key},
            )
            return objective.losses(logits, rows["tokens"])

        each, mask = jax.vmap(of_seed)(params["language"], keys[1:])
        weight = mask[0] * rows["mask"][:, None, None]
        return optim.Objective(Mean.of(jnp.sum(each, axis=0), weight), aux=moved)

    return optim.gradients(
        loss_fn,
        state.params,
        batch,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )


def _images(
    config: Config,
    state: State,
    params: Any,
    rows: dict,
    dropout: Key[Array, ""],
    axis_name: str | None,
) -> tuple[Float[Array, "images width"], dict[str, Any]]:
    """I of every image of a batch, and what of the encoder's variables has moved."""
    if config.vectors_cached:
        return state.vectors[rows["index"]], {}
    variables = encoder_variables(params, state.encoder)
    if not config.encoder.trains:
        return vectors(config, variables, rows["image"]), {}
    found, moved = encoder.encode_to_train(
        config.encoder,
        config.model.width,
        _net(variables),
        rows["image"],
        dropout,
        axis_name,
    )
    moved = {"batch_stats": moved} if config.encoder.statistics == "moving" else {}
    return found * variables["scale"], moved


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Any]:
    """The mean "loss" a target over all seeds, and as "outputs" each seed's greedy
    caption of an image, [rows, seeds, length], with its index."""
    params = optim.ema_params(state.opt_state, state.params)
    if config.task == "classify":
        return classifier.evaluated(config, params, state, batch, axis_name)
    image = vectors(config, encoder_variables(params, state.encoder), batch["image"])
    tokens = batch["tokens"]
    if config.task == "words":
        found = word_labels.evaluated(params["words"], image, tokens, batch["mask"])
        return {name: metric.across(axis_name) for name, metric in found.items()}

    def of_seed(params):
        logits = Captioner(config.model).apply({"params": params}, image, tokens)
        options = decoding.Options(config.data.length)
        best = decoding.captions(config.model, params, image, options)
        return objective.losses(logits, tokens), decoding.words_of(best.tokens[:, 0])

    (each, mask), said = jax.vmap(of_seed)(params["language"])
    weight = mask[0] * batch["mask"][:, None, None]
    outputs = {"captions": jnp.moveaxis(said, 0, 1), "index": batch["index"]}
    metrics = {
        "loss": Mean.of(jnp.mean(each, axis=0), weight),
        "outputs": Gathered(outputs, batch["mask"]),
    }
    return {name: metric.across(axis_name) for name, metric in metrics.items()}


def validate(config: Config, outputs: dict[str, Any]) -> dict[str, float]:
    """Of the greedy captions of "valid", means over the seeds."""
    if config.task != "caption":
        return {}
    return validation.scores(config, outputs["outputs"])


def encoder_variables(params: Any, fixed: Any) -> Any:
    """{"params", "batch_stats", "scale"} of the encoder, whether it trains or not."""
    trained = {"params": params["encoder"]} if "encoder" in params else {}
    return {**fixed, **trained}


def vectors(
    config: Config, variables: Any, image: encoder.Pixels
) -> Float[Array, "images width"]:
    """I of every image, scaled."""
    width = config.model.width
    found = encoder.encode(config.encoder, width, _net(variables), image)
    return found * variables["scale"]


def _net(variables: Any) -> Any:
    """What the encoder itself has of `encoder_variables`."""
    return {kind: tree for kind, tree in variables.items() if kind != "scale"}


def _tx(config: Config) -> optax.GradientTransformation:
    """The encoder is a group of its own: its rate, and its decay, which is added to the
    gradient ahead of the clamp."""
    e = config.encoder
    before, after = [], []
    if e.trains and config.task != "classify":
        if e.weight_decay:
            decay = optax.add_decayed_weights(e.weight_decay)
            before.append(optax.masked(decay, _encoder_alone))
        after.append(optim.scaled_modules(("encoder",), e.lr / config.optim.lr))
    if config.clamp:
        before.append(optax.clip(config.clamp))
    if config.text_rate != 1:
        after.append(optim.scaled_modules(("text", "text_bias"), config.text_rate))
    return optim.optimiser(config.optim, _rate(config), before=before, after=after)


def _encoder_alone(params: Any) -> Any:
    """True for the parameters of the encoder's group."""
    no = jax.tree.map(lambda _: False, params)
    return {**no, "encoder": jax.tree.map(lambda _: True, params["encoder"])}


def _rate(config: Config) -> optax.Schedule:
    """Of the language model: as `config.optim` says, or halved without end."""
    usual = optim.learning_rate(config.optim, config.loop.steps)
    if not config.halve_every:
        return usual

    def halved(step):
        past = jnp.maximum(step - config.halve_from, 0) / config.halve_every
        return config.optim.lr * 0.5**past

    return halved
