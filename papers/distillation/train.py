"""Training: members side by side, on labels, on a teacher's soft targets, or both.

The members of a run are independent models: the loss is their sum, the optimiser is
vmapped, and only the images of a batch are common to them.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from common import optim, rng
from common.brief import Brief
from common.losses import cross_entropy, distillation
from common.metrics import Mean
from papers.distillation import data, model, specialists, teacher
from papers.distillation.config import Config

# With a mesh's fsdp part, its devices share the members before they share a layer.
SHARDING = ((r"Dense_\d+/kernel", (0, 2, 1)),)
CPU_DEVICES = 1  # small nets: a gradient's way between devices is long beside a step


@struct.dataclass
class State(Brief):
    step: Int[Array, ""]
    key: Key[Array, ""]
    params: Any  # each leaf [members, ...]
    batch_stats: Any  # as well; empty without BatchNorm
    opt_state: Any  # as well
    teacher: dict[str, Any]  # "variables" of its net, "logits" of the training images
    special: dict[str, Array]  # a specialist's classes, and all classes' frequencies


def init(config: Config, key: Key[Array, ""], after: dict | None = None) -> State:
    """The state before the first step; `after` holds the teacher, or the generalist.

    Students of one seed start alike, whatever their temperature and their run, and
    none of them as a teacher did.
    """
    keys = jax.vmap(jax.random.fold_in, (None, 0))(
        rng.stream(key, 0, f"init {config.role}"),
        jnp.arange(config.members) % config.seeds,
    )
    special = {}
    if config.role == "specialist":
        ((_, generalist),) = after.values()
        special = specialists.choose(config, generalist.params)
        variables = {"params": specialists.start(generalist.params, config.seeds)}
    else:
        variables = model.start(config.net, data.shape(config), _outputs(config), keys)
    params = variables["params"]
    return State(
        step=jnp.zeros((), jnp.int32),
        key=key,
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=jax.vmap(_tx(config).init)(params),
        teacher=_teacher(config, after) if config.taught else {},
        special=special,
    )


def _teacher(config: Config, after: dict | None) -> dict[str, Any]:
    if config.distill.file:
        return {}
    ((_, taught),) = after.values()
    # Copies: the teacher's own buffers are not this state's to give up.
    variables = jax.tree.map(jnp.copy, ema_variables(taught))
    if config.distill.targets == "live":
        return {"variables": variables}
    kept = {"variables": variables} if config.distill.keep_teacher else {}
    images = data.load(config.data, "train").images
    arguments = config.teacher, config.data.classes, config.distill.average
    return {**kept, "logits": teacher.cached(*arguments, variables, images)}


def train_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> tuple[State, dict[str, Float[Array, ""]]]:
    """One batch for all members. `loss` is their mean."""
    dropout = rng.stream(state.key, state.step, "dropout", axis_name)
    rows = {"image": batch["image"], "label": batch["label"]}
    if config.taught:
        rows["teacher"] = _targets(config, state, batch)
    rows = jax.tree.map(partial(_to_members, config), rows)

    def loss_fn(params, rows, chunk):
        keys = jax.random.split(jax.random.fold_in(dropout, chunk), config.members)
        variables = {"params": params, "batch_stats": state.batch_stats}
        logits, batch_stats = model.apply_train(
            config.net, _outputs(config), variables, rows["image"], keys, axis_name
        )
        losses = _losses(config, state.special, logits, rows)
        answers, labels = _answers(state.special, logits, rows["label"])
        hits = Mean.of(jnp.argmax(answers, axis=-1) == labels)
        aux = {"batch_stats": batch_stats, "hits": hits}
        return optim.Objective(Mean.of(jnp.sum(losses, axis=1)), aux=aux)

    found = optim.gradients(
        loss_fn,
        state.params,
        rows,
        chunks=config.optim.accumulate,
        axis_name=axis_name,
    )
    updates, opt_state = jax.vmap(_tx(config).update)(
        found.grads, state.opt_state, state.params
    )
    params = optax.apply_updates(state.params, updates)
    if config.net.kind == "mlp" and config.net.max_norm:
        params = model.limit_norms(params, config.net.max_norm)
    metrics = {
        "loss": found.loss / config.members,
        "accuracy": found.aux["hits"].value,
        "grad_norm": optax.tree.norm(found.grads),
        "lr": _rate(config)(state.step),
    }
    state = state.replace(
        step=state.step + 1,
        params=params,
        batch_stats=found.aux["batch_stats"],
        opt_state=opt_state,
    )
    return state, metrics


def _to_members(config: Config, x: Array) -> Array:
    """[rows, seeds, ...] -> [rows, members, ...]: a seed's images at each temperature.
    What is for all members stays as it is."""
    repeats = 1 if x.shape[1] == 1 else config.members // x.shape[1]
    return jnp.concatenate([x] * repeats, axis=1)


def _losses(
    config: Config,
    special: dict[str, Array],
    logits: Float[Array, "rows members classes"],
    rows: dict[str, Array],
) -> Float[Array, "rows members"]:
    """Each member's loss of each image."""
    labels = jnp.broadcast_to(rows["label"], logits.shape[:2])
    if special:
        return specialists.losses(special, logits, labels)
    if not config.taught:
        return cross_entropy(logits, labels)
    temperatures = jnp.repeat(jnp.array(config.distill.temperatures), config.seeds)
    targets = jnp.broadcast_to(rows["teacher"], logits.shape)
    return distillation(
        logits, targets, labels, temperatures, config.distill.hard_weight
    )


def _answers(
    special: dict[str, Array],
    logits: Float[Array, "rows members outputs"],
    labels: Int[Array, "rows replicas"],
) -> tuple[Float[Array, "rows members outputs"], Int[Array, "rows members"]]:
    """Logits and labels as the members know them: a specialist's few classes, and its
    dustbin for all others."""
    labels = jnp.broadcast_to(labels, logits.shape[:2])
    if not special:
        return logits, labels
    return specialists.merged(special["classes"], logits, labels)


def _targets(
    config: Config, state: State, batch: dict
) -> Float[Array, "rows replicas classes"]:
    """The teacher's logits for a batch."""
    if "teacher" in batch:
        return batch["teacher"]
    if "logits" in state.teacher:
        return state.teacher["logits"][batch["index"]]
    arguments = config.teacher, config.data.classes, config.distill.average
    return teacher.logits(*arguments, state.teacher["variables"], batch["image"])


def eval_step(
    config: Config, state: State, batch: dict, *, axis_name: str | None = None
) -> dict[str, Mean]:
    """Loss on the labels and accuracy, means over the members."""
    logits = forward(config, state, batch["image"])
    logits, labels = _answers(state.special, logits, batch["label"])
    losses = cross_entropy(logits, labels)
    hits = jnp.argmax(logits, -1) == labels
    values = {"loss": losses, "accuracy": hits}
    return {
        name: Mean.of(jnp.mean(value, axis=1), batch["mask"]).across(axis_name)
        for name, value in values.items()
    }


def forward(
    config: Config, state: State, images: model.Images
) -> Float[Array, "rows members outputs"]:
    """Logits of all members in evaluation mode."""
    return model.apply(config.net, _outputs(config), ema_variables(state), images)


def ema_variables(state: State) -> dict[str, Any]:
    """What evaluation computes with: the average of the parameters where one is kept,
    and the running statistics."""
    params = optim.ema_params(state.opt_state, state.params)
    return {"params": params, "batch_stats": state.batch_stats}


def _outputs(config: Config) -> int:
    """Classes, and a specialist's dustbin."""
    return config.data.classes + (config.role == "specialist")


def _tx(config: Config) -> optax.GradientTransformation:
    return optim.optimiser(config.optim, _rate(config))


def _rate(config: Config) -> optax.Schedule:
    return optim.learning_rate(config.optim, config.loop.steps)
