"""--json: stdout holds lines of JSON, and nothing else."""

import json
from types import SimpleNamespace

import numpy as np

from common.contract import Records, Table
from launch import main as launch_main
from launch.predict import predict
from launch.reports.lines import alone_on_stdout

TABLE = Table(("a", "b"), [[1, "x"], [float("inf"), ""]], "as it is")


def said(outputs, folder, capsys):
    """(lines of stdout, stderr) of what a paper predicts."""
    session = SimpleNamespace(workdir=folder, predict=lambda run, inputs: outputs)
    with alone_on_stdout() as lines:
        predict(session, "", "an input", lines)
    captured = capsys.readouterr()
    return [json.loads(line) for line in captured.out.splitlines()], captured.err


def test_records_alone_are_on_stdout(tmp_path, capsys):
    record = {"input": "a", "classes": [{"name": "ä", "probability": 0.5}]}
    outputs = ["words\n", ("Table", TABLE), Records([record])]
    lines, rest = said(outputs, tmp_path, capsys)
    assert lines == [record]
    assert "words" in rest
    assert "| 1 | x |" in " ".join(rest.split())


def test_a_paper_without_records_says_all_it_has(tmp_path, capsys):
    picture = np.zeros((2, 2), np.uint8)
    outputs = ["to", "ld\n", ("Table", TABLE), ("A b", picture), "end"]
    lines, _ = said(outputs, tmp_path, capsys)
    text, table, drawn, end = lines
    assert text == {"text": "told\n"}
    rows = [{"a": 1, "b": "x"}, {"a": None, "b": ""}]
    assert table == {"table": "Table", "rows": rows, "note": "as it is"}
    assert drawn["picture"] == "A b"
    assert (tmp_path / "predict" / "a-b.png").samefile(drawn["file"])
    assert end == {"text": "end"}


def test_json_is_for_predict(capsys):
    assert launch_main.main(["x", "--paper=espcn", "--json"]) == 2
    assert "--json is for --mode=predict" in capsys.readouterr().err
