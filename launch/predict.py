"""--mode=predict: what a trained run makes of the user's input."""

from common.contract import Records, UserError
from launch import distributed
from launch.reports.lines import Lines
from launch.reports.report import Report
from launch.session import Session
from launch.workdir import for_results


def predict(
    session: Session, run: str, inputs: str | None, lines: Lines | None = None
) -> None:
    """Prints text as it comes; tables and pictures as a report's. run: "" as of
    `Session.predict`. `lines` get all of it, and a paper's Records."""
    if inputs is None:
        raise UserError('--mode=predict needs --input="..."')
    outputs = session.predict(run, inputs)
    if not distributed.is_first():
        return distributed.take_part(outputs)
    folder = for_results(session.workdir) / "predict"
    report = Report(folder, title=f"predict {run}".strip(), facts={})
    for output in outputs:
        if isinstance(output, Records):
            if lines:
                lines.records(output)
        elif isinstance(output, str):
            print(output, end="", flush=True)
            if lines:
                lines.text(output)
        else:
            result = report.add(*output)
            if lines:
                lines.result(result, folder)
    print()
