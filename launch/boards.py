"""Boards that show runs while they train, beside metrics.jsonl: TensorBoard and, where
it is asked for, Weights & Biases or MLflow."""

import dataclasses
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from common.contract import UserError
from launch.reports.results import Result

MLFLOW_RUN = "mlflow_run.txt"  # in a run's folder: its number there


class Board(Protocol):
    """What a logbook writes to besides its own file."""

    def add(self, split: str, step: int, metrics: Mapping[str, float]) -> None:
        """Must return at once: the training waits for it."""

    def flush(self) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files whose last one hides what was logged after step `start`. The config
    stands in them as text."""

    def __init__(self, folder: Path, start: int, config: Any = None) -> None:
        self._writer = _writer(
            folder,
            purge_step=start + 1 if start else 0,  # the steps from here on are hidden
            filename_suffix=f".{start}",  # else a resume in the same second overwrites
        )
        if config is not None:
            self._writer.add_text("config", f"```json\n{_json(config)}\n```", start)

    def add(self, split: str, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(f"{split}/{name}", value, step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run there, which goes on when ours does. The project and the rest come from the
    environment, as WANDB_PROJECT. It sends from a process of its own. UserError: it
    cannot begin, as without a key."""

    def __init__(self, folder: Path, name: str, config: Any) -> None:
        import wandb

        own = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
        try:
            self._run = wandb.init(
                id=own,
                resume="allow",
                name=name,
                group=folder.parent.name,
                dir=str(folder),
                config=json.loads(_json(config)),
            )
        except Exception as error:  # no key, no network, no such project
            raise UserError(f"--track=wandb: {error}") from error

    def add(self, split: str, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log({f"{split}/{n}": x for n, x in metrics.items()}, step=step)

    def flush(self) -> None:
        """It sends on its own."""

    def close(self) -> None:
        self._run.finish()


class MLflow:
    """A run there, which goes on when ours does: its number is kept in `folder`. The
    server and the experiment come from the environment, as MLFLOW_TRACKING_URI and
    MLFLOW_EXPERIMENT_NAME. Numbers are sent by a thread of its own. UserError: it
    cannot begin."""

    def __init__(self, folder: Path, name: str, config: Any) -> None:
        import mlflow

        self._mlflow = mlflow
        number = folder / MLFLOW_RUN
        known = number.read_text().strip() if number.exists() else None
        try:
            run = mlflow.start_run(
                run_id=known,
                run_name=name,
                tags={"workdir": str(folder.parent)},
            )
            mlflow.log_dict(json.loads(_json(config)), "config.json")
        except Exception as error:  # no server, no such run
            raise UserError(f"--track=mlflow: {error}") from error
        number.write_text(run.info.run_id)

    def add(self, split: str, step: int, metrics: Mapping[str, float]) -> None:
        named = {f"{split}/{name}": value for name, value in metrics.items()}
        self._mlflow.log_metrics(named, step=step, synchronous=False)

    def flush(self) -> None:
        """It sends on its own."""

    def close(self) -> None:
        self._mlflow.flush_async_logging()
        self._mlflow.end_run()


# What --track names: the package of the same name, and the board.
TRACKERS: Mapping[str, Callable[[Path, str, Any], Board]] = {
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


def check(track: str) -> None:
    """UserError: what --track names is not installed."""
    if track and importlib.util.find_spec(track) is None:
        raise UserError(f"--track={track} needs {track}: pip install {track}")


def show_results(folder: Path, results: Iterable[Result], step: int) -> None:
    """Writes a report's pictures, tables and texts for TensorBoard, to `folder`
    /tensorboard, in the place of the last ones."""
    from tensorboardX.proto.summary_pb2 import Summary

    own = folder / "tensorboard"
    for old in own.glob("events.*"):
        old.unlink()
    writer = _writer(own)
    for result in results:
        match result.kind:
            case "figure":
                pictures = {result.name: result.value}
            case "pair":
                names = result.value.items()
                pictures = {f"{result.name}/{own}": file for own, file in names}
            case _:
                pictures = {}
                writer.add_text(result.name, result.to_markdown(), step)
        for name, file in pictures.items():
            image = Summary.Image(encoded_image_string=(folder / file).read_bytes())
            value = Summary.Value(tag=name, image=image)
            writer.file_writer.add_summary(Summary(value=[value]), step)
    writer.close()


def _writer(folder: Path, **options: Any) -> Any:
    from tensorboardX import SummaryWriter

    return SummaryWriter(
        str(folder),
        flush_secs=30,
        max_queue=1000,  # more than a record: none waits for a thread that has ended
        **options,
    )


def _json(config: Any) -> str:
    return json.dumps(dataclasses.asdict(config), indent=2)
