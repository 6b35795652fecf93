"""Checkpoints of one run, by Orbax: state, data position, config and wall clock.

They stand in workdir/<run>/checkpoints/<step>/; kept are the newest few, and the best.
"""

import contextlib
import json
import logging
import operator
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy as keep

from common.contract import UserError
from common.files import storage
from common.sections import Loop
from launch import distributed, fingerprints, spread
from launch.failure import damaged, root
from launch.flat_states import flat_state
from launch.workdir import differences


def whole(state: Any) -> Any:
    """All of a state, as a part of it."""
    return state


class Checkpoints:
    """Saves in the background; restores the newest checkpoint that is whole.

    All processes of a job save and restore together. With `read_only`, the folder stays
    as it is.
    """

    def __init__(self, folder: Path, loop: Loop, *, read_only: bool = False) -> None:
        policies = [keep.LatestN(loop.keep)]
        measured = None
        if loop.best:
            name = loop.best.lstrip("+")
            measured = operator.itemgetter(name)
            best = keep.BestN(
                get_metric_fn=measured,
                reverse=not loop.best.startswith("+"),
                n=1,
                keep_checkpoints_without_metrics=False,
            )
            policies.append(best)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=keep.AnyPreservationPolicy(policies),
            best_fn=measured,  # Orbax then writes the metrics beside the state
            cleanup_tmp_directories=not read_only,  # what a kill left half-written
            create=not read_only,
            read_only=read_only,
        )
        folder = folder.absolute() if storage.is_local(folder) else folder
        self._folder = folder / "checkpoints"
        self._options = options
        self._metric = loop.best
        self._read_only = read_only
        self._manager = self._open()

    def _open(self) -> ocp.CheckpointManager:
        handlers = ocp.handlers.create_default_handler_registry(
            state=ocp.PyTreeCheckpointHandler(), meta=ocp.JsonCheckpointHandler()
        )
        return ocp.CheckpointManager(
            self._folder, options=self._options, handler_registry=handlers
        )

    @property
    def latest(self) -> Path | None:
        """Folder of the newest checkpoint on disk."""
        step = newest(self._folder.parent)
        return None if step < 0 else self._folder / str(step)

    def save(self, step: int, state: Any, meta: dict, metrics: dict | None) -> None:
        """Copies `state` and returns; the writing goes on in the background.

        meta: JSON-able. metrics: of the evaluation at this step, if there was one.
        """
        flat = _flat(state)
        meta = {
            **meta,
            "step": step,
            "fingerprints": fingerprints.of(flat),
            "arrays": _described(flat),
        }
        meta["checksum"] = _checksum(meta)
        arguments = ocp.args.Composite(
            state=ocp.args.PyTreeSave(flat), meta=ocp.args.JsonSave(meta)
        )
        self._manager.save(step, args=arguments, metrics=metrics, force=True)

    def restore(
        self,
        abstract: Any,
        part: Callable[[Any], Any] = whole,
        which: str = "newest",
    ) -> tuple[Any, dict] | None:
        """(state, meta) of the newest checkpoint that is whole; None: there is none.

        abstract: the state as `jax.ShapeDtypeStruct`s with shardings.
        part: what is read of it; the rest of a checkpoint may be damaged.
        which: "newest", or "best" or a step, of which there is one checkpoint.

        Damaged checkpoints that are newer are set aside with a warning. UserError: all
        are damaged, and left alone; or it holds another state than `abstract`.
        """
        refused: dict[int, str] = {}
        for step in self._steps(which):
            restored = None
            why = "another process could not read it"
            try:
                restored = self._read(step, abstract, part)
            except UserError:
                raise
            except Exception as error:
                if not damaged(error):  # of this machine: no memory, no right to read
                    error.add_note(f"{self._folder / str(step)} is left as it is")
                    raise
                why = str(root(error)).split("\n")[0][:120]
            if distributed.all_agree(restored is not None):
                self._set_aside(refused)
                return restored
            refused[step] = why
        if refused:
            reasons = "; ".join(f"{step}: {why}" for step, why in refused.items())
            raise UserError(
                f"every checkpoint in {self._folder} is damaged ({reasons}). They are "
                "left as they are: put whole ones there, or choose another --workdir"
            )
        return None

    def _steps(self, which: str) -> list[int]:
        """The checkpoints that may be restored, the first choice first."""
        steps = sorted(self._manager.all_steps(), reverse=True)
        if which == "newest":
            return steps
        if which == "best":
            return [self._best(steps)]
        if int(which) not in steps:
            there = ", ".join(map(str, reversed(steps))) or "none"
            raise UserError(
                f"no checkpoint of step {which}: {self._folder} has the steps {there}"
            )
        return [int(which)]

    def _best(self, steps: Iterable[int]) -> int:
        """The step with the best value of the metric that `loop.best` names."""
        name = self._metric.lstrip("+")
        found = {s: (self._manager.metrics(s) or {}).get(name) for s in steps}
        found = {s: x for s, x in found.items() if x is not None}
        if not found:
            raise UserError(
                f"no best checkpoint: none in {self._folder} was kept by its "
                f"{name or 'metric: config.loop.best names none'}"
            )
        choose = max if self._metric.startswith("+") else min
        return choose(found, key=found.__getitem__)

    def _read(self, step: int, abstract: Any, part: Callable) -> tuple[Any, dict]:
        def restore(**items):
            return self._manager.restore(step, args=ocp.args.Composite(**items))

        meta = restore(meta=ocp.args.JsonRestore())["meta"]
        # Those of older code have none.
        if meta.pop("checksum", None) not in (None, _checksum(meta)):
            raise ValueError("its meta data are not those that were saved")
        if meta["step"] != step:
            raise ValueError(f"it is of step {meta['step']}")
        if found := [*differences(meta["arrays"], _described(_flat(abstract)))]:
            fields = "; ".join(f"{name}: {change}" for name, change in found[:5])
            raise UserError(
                f"{self._folder / str(step)} holds another state than this code has: "
                f"{fields}. Choose another --workdir"
            )
        wanted = _flat(part(abstract))
        read = spread.parts(wanted)
        placed = ocp.checkpoint_utils.construct_restore_args(read)
        arguments = ocp.args.PyTreeRestore(read, placed, partial_restore=True)
        state = restore(state=arguments)["state"]
        # Orbax's own checks miss flipped bytes in the data of an array.
        if not fingerprints.agree(fingerprints.of(state), meta):
            raise ValueError("its arrays are not the ones that were saved")
        state = spread.gathered(state, wanted)
        return _unflat(state, part(abstract)), meta

    def _set_aside(self, refused: Mapping[int, str]) -> None:
        """Moves damaged checkpoints {step: why} out of the way of new ones."""
        if not refused:
            return
        self._manager.close()
        if distributed.is_first():
            for step, why in refused.items():
                self._move(step, why)
        distributed.wait_for_all(f"{[*refused]} are set aside")
        self._manager = self._open()

    def _move(self, step: int, why: str) -> None:
        place = self._folder / str(step)
        message = f"checkpoint {step} is damaged ({why}): "
        if self._read_only:
            message += f"{place} is passed over"
        else:
            moved = _unused(self._folder.parent / f"damaged-{step}")
            with contextlib.suppress(FileNotFoundError):
                place.rename(moved)
            message += f"moved to {moved}"
        logging.getLogger("launch").warning(message)

    def wait(self) -> None:
        """Returns when everything saved is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        self._manager.close()


def newest(folder: Path) -> int:
    """Steps of a run's newest checkpoint; -1 without one."""
    return max(ocp.utils.checkpoint_steps(folder / "checkpoints"), default=-1)


def _unused(path: Path) -> Path:
    """The path, numbered if there is such a file already."""
    candidates = [path, *(path.with_name(f"{path.name}-{i}") for i in range(2, 1000))]
    return next(p for p in candidates if not p.exists())


def _flat(state: Any) -> dict[str, Any]:
    """{path: leaf}, without the empty arrays, which Orbax cannot hold."""
    return {name: leaf for name, leaf in flat_state(state).items() if leaf.size}


def _described(flat: dict[str, Any]) -> dict[str, str]:
    """{path: type and shape}"""
    return {name: f"{leaf.dtype}{list(leaf.shape)}" for name, leaf in flat.items()}


def _unflat(flat: dict[str, Any], abstract: Any) -> Any:
    """The inverse of `_flat` for a state of `abstract`'s structure."""
    leaves = iter(flat[name] for name in _flat(abstract))

    def leaf(like):
        if like.size:
            return next(leaves)
        return jax.device_put(jnp.zeros(like.shape, like.dtype), like.sharding)

    return jax.tree.map(leaf, abstract)


def _checksum(meta: dict) -> int:
    """Of the meta data as JSON keeps them."""
    return zlib.crc32(json.dumps(meta, sort_keys=True).encode())
