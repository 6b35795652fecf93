"""--mode=export: a run as files that need JAX, and no code of ours."""

from launch.ahead import inference, train_step
from launch.session import Session
from launch.workdir import check


def export(session: Session, names: list[str]) -> None:
    """Writes into workdir/<run>/, for each named run, what `train_step.write` and
    `inference.write` say. UserError: a run there was trained by another config."""
    for name in names:
        folder = session.workdir / name
        check(folder, session.runs[name].config)
        folder.mkdir(parents=True, exist_ok=True)
        train_step.write(session, name)
        inference.write(session, name)
