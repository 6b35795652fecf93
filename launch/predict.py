"""--mode=predict: what a trained run makes of the user's input."""

from collections.abc import Mapping
from pathlib import Path

from common.contract import Records, UserError
from launch import distributed
from launch.reports.lines import Lines
from launch.reports.predicted import Predicted
from launch.reports.report import Report
from launch.session import Session
from launch.workdir import for_results

PAGE = "predicted.html"  # a name that a folder of results hardly has


def predict(
    session: Session,
    run: str,
    inputs: str | None,
    lines: Lines | None = None,
    *,
    title: str = "predict",
    facts: Mapping[str, str] | None = None,
    out: str = "",
) -> None:
    """Prints text as it comes; tables and pictures as a report's; and at the end the
    path of a page with all of it, which is written where an exception ends it too.

    run: "" as of `Session.predict`. `lines` get all of it, and a paper's Records.
    out: where the paper writes its files, and the page beside them; "": in the workdir.
    """
    if inputs is None:
        raise UserError('--mode=predict needs --input="..."')
    outputs = session.predict(run, inputs)
    if not distributed.is_first():
        return distributed.take_part(outputs)
    folder = for_results(session.workdir) / "predict"
    report = Report(folder, title=title, facts={})
    predicted = Predicted(inputs, folder)
    try:
        for output in outputs:
            if isinstance(output, Records):
                predicted.records(output)
                if lines:
                    lines.records(output)
            elif isinstance(output, str):
                print(output, end="", flush=True)
                predicted.text(output)
                if lines:
                    lines.text(output)
            else:
                result = report.add(*output)
                predicted.result(result)
                if lines:
                    lines.result(result, folder)
    finally:
        print()
        if predicted:
            page = _page(out, folder)
            predicted.write(page, title, facts or {})
            print(f"page: {page}", flush=True)


def _page(out: str, folder: Path) -> Path:
    """In the folder `out`, or beside the file; in `folder` where nothing is there."""
    place = Path(out).expanduser()
    if not out or not place.exists():
        return folder / PAGE
    return place / PAGE if place.is_dir() else place.with_name(f"{place.stem}.{PAGE}")
