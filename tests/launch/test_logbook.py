"""The logbook. A failure means that a killed and resumed run has gaps or repeats in its
records."""

import errno
import itertools
import json
import time
from types import SimpleNamespace

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from launch.logbook import Logbook
from launch.records import read_metrics
from launch.window import duration


def open_logbook(folder, start=0, **options):
    settings = {"name": "xl", "steps": 10, "unit": "tokens", "items_per_step": 100}
    return Logbook(folder, start=start, **(settings | {"tensorboard": False} | options))


def train(logbook, first, last):
    for step in range(first, last + 1):
        logbook.advance(step, loss=1 / step)
        logbook.train(step, 0.5 * step, {"loss": 1 / step, "grad_norm": step / 3})


def steps(folder, split="train"):
    records = read_metrics(folder / "metrics.jsonl")
    return [record["step"] for record in records if record["split"] == split]


def test_records_round_trip(tmp_path):
    with open_logbook(tmp_path / "runs" / "xl") as logbook:
        logbook.train(3, 1.25, {"loss": 0.1 + 0.2})
        logbook.valid(3, 1.25, {"loss": 1 / 3, "accuracy": 1})
    lines = (tmp_path / "runs" / "xl" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 3, "split": "train", "seconds": 1.25, "loss": 0.1 + 0.2},
        {"step": 3, "split": "valid", "seconds": 1.25, "loss": 1 / 3, "accuracy": 1.0},
    ]


def test_half_a_line_at_the_end_is_no_record(tmp_path):
    path = tmp_path / "metrics.jsonl"
    whole = '{"step": 1, "split": "train", "seconds": 1.0, "loss": 2.5}'
    for cut in range(len(whole)):
        path.write_text(f"{whole}\n{whole[:cut]}")
        assert len(read_metrics(path)) == 1
    path.write_text(f"{whole}\n{whole}")  # killed before the line's end: it is whole
    assert len(read_metrics(path)) == 2


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff\xfe",
        b"7",
        b"null",
        b'["step"]',
        b'{"split": "train"}',
        b'{"step": "3", "split": "train"}',
        b'{"step": 3, "split": "train", "loss": "low"}',
        b'{"step": 3, "split": "train", "loss": 1\xff}',
    ],
)
def test_damaged_lines_are_left_out_and_counted(tmp_path, damaged, caplog):
    path = tmp_path / "metrics.jsonl"
    whole = b'{"step": 1, "split": "train", "seconds": 1.0, "loss": 2.5}'
    path.write_bytes(b"\n".join([whole, damaged, whole, b""]))
    assert len(read_metrics(path)) == 2
    assert "1 damaged lines are left out" in caplog.text
    with open_logbook(tmp_path, start=1):  # a run resumes over them
        pass
    assert len(read_metrics(path)) == 2


def test_without_a_file_there_are_no_records(tmp_path):
    assert read_metrics(tmp_path / "metrics.jsonl") == []
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert read_metrics(tmp_path / "link") == []


def test_a_full_disk_under_tensorboard_ends_the_run_and_does_not_block_it(
    tmp_path, monkeypatch
):
    from tensorboardX import event_file_writer

    def full(self, *rest):
        raise OSError(errno.ENOSPC, "No space left on device")

    metrics = {f"metric {i}": 0.0 for i in range(12)}  # more than its queue held

    def run():
        with open_logbook(tmp_path, tensorboard=True) as logbook:
            monkeypatch.setattr(event_file_writer.EventsWriter, "write_event", full)
            for step in range(100):
                logbook.train(step, step, metrics)
                time.sleep(0.01)

    with pytest.raises(OSError, match="No space left"):
        run()
    assert len(read_metrics(tmp_path / "metrics.jsonl")) < 100


def test_killed_and_resumed_reads_like_never_killed(tmp_path):
    with open_logbook(tmp_path / "whole") as logbook:
        train(logbook, 1, 4)
        logbook.valid(4, 2.0, {"loss": 0.5})
        train(logbook, 5, 10)

    killed = tmp_path / "killed"
    logbook = open_logbook(killed)
    train(logbook, 1, 4)
    logbook.valid(4, 2.0, {"loss": 0.5})
    logbook.sync()  # the checkpoint of step 4
    train(logbook, 5, 7)
    with (killed / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "split": "tr')  # and now it is killed
    with open_logbook(killed, start=4) as logbook:
        train(logbook, 5, 10)

    whole = (tmp_path / "whole" / "metrics.jsonl").read_text()
    assert (killed / "metrics.jsonl").read_text() == whole
    assert not list(killed.glob("*.tmp"))


def test_a_run_killed_before_its_first_checkpoint_starts_afresh(tmp_path):
    logbook = open_logbook(tmp_path)
    logbook.valid(0, 0.0, {"loss": 9.0})
    train(logbook, 1, 3)
    with open_logbook(tmp_path) as logbook:
        logbook.valid(0, 0.0, {"loss": 9.0})
        train(logbook, 1, 2)
    assert steps(tmp_path) == [1, 2]
    assert steps(tmp_path, "valid") == [0]


def test_every_line_is_on_disk_at_once(tmp_path):
    logbook = open_logbook(tmp_path)
    train(logbook, 1, 2)
    assert steps(tmp_path) == [1, 2]
    logbook.close()
    logbook.close()  # twice does no harm


def test_plain_lines(tmp_path, capsys, monkeypatch):
    looks = itertools.count(0, 2)  # two seconds a look at the clock
    clock = SimpleNamespace(monotonic=lambda: next(looks))
    monkeypatch.setattr("launch.logbook.time", clock)
    with open_logbook(tmp_path) as logbook:
        for step in range(1, 11):
            logbook.advance(step)
            logbook.train(step, step, {"loss": 1.7123, "grad_norm": 3.0})
        logbook.valid(10, 10, {"loss": 1.5, "accuracy": 0.25})
        logbook.say("saved")
    lines = capsys.readouterr().out.splitlines()
    train_lines = lines[:-2]
    valid, said = lines[-2:]
    assert train_lines[0] == "xl  step  1/10  loss 1.712"  # the pace is not known yet
    assert train_lines[1] == "xl  step  3/10  loss 1.712  25 tokens/s  28s left"
    assert train_lines[-1] == "xl  step 10/10  loss 1.712  25 tokens/s"
    assert len(train_lines) == 6  # of ten: four fell within five seconds of another
    assert valid == "xl  step 10/10  valid loss 1.500  accuracy 0.2500"
    assert said == "saved"


def test_the_share_of_the_peak_stands_beside_the_pace(tmp_path, capsys, monkeypatch):
    looks = itertools.count(0, 6)
    clock = SimpleNamespace(monotonic=lambda: next(looks))
    monkeypatch.setattr("launch.logbook.time", clock)
    with open_logbook(tmp_path, seconds_at_peak=3.72) as logbook:
        for step in range(1, 11):
            logbook.advance(step)
            logbook.train(step, step, {"loss": 1.0})
    second = capsys.readouterr().out.splitlines()[1]
    assert second.endswith("8 tokens/s  31% of peak  1m36s left")


def test_a_terminal_gets_a_bar_with_valid_results_above(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with open_logbook(tmp_path, start=2) as logbook:
        train(logbook, 3, 10)
        logbook.valid(10, 5.0, {"loss": 0.25})
    shown = capsys.readouterr().out
    assert "10/10" in shown
    assert "tokens/s" in shown
    assert "xl  step 10/10  valid loss 0.2500" in shown


def test_quiet_leaves_no_trace(tmp_path, capsys):
    with open_logbook(tmp_path / "run", quiet=True, tensorboard=True) as logbook:
        train(logbook, 1, 10)
        logbook.valid(10, 5.0, {"loss": 0.25})
        logbook.say("hello")
        logbook.sync()
    assert not (tmp_path / "run").exists()
    assert capsys.readouterr() == ("", "")


def events(folder):
    """Events of all TensorBoard files, in the order TensorBoard reads them."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            assert int.from_bytes(data[8:12], "little") == masked_crc32c(data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def test_tensorboard_hides_what_was_logged_after_the_checkpoint(tmp_path):
    for start, last in (0, 6), (4, 8):
        with open_logbook(tmp_path, start=start, tensorboard=True) as logbook:
            train(logbook, start + 1, last)
            logbook.valid(last, 5.0, {"loss": 0.25})
    seen = {}
    for event in events(tmp_path / "tensorboard"):
        if event.HasField("session_log"):  # TensorBoard's own rule
            seen = {key: v for key, v in seen.items() if key[1] < event.step}
        for value in event.summary.value:
            assert (value.tag, event.step) not in seen
            seen[value.tag, event.step] = value.simple_value
    assert [step for tag, step in seen if tag == "train/loss"] == list(range(1, 9))
    assert [step for tag, step in seen if tag == "valid/loss"] == [8]
    assert seen["train/loss", 8] == pytest.approx(1 / 8)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0s"),
        (59.6, "1m00s"),
        (130, "2m10s"),
        (3 * 3600 + 300, "3h05m"),
        (2 * 86400 + 4 * 3600, "2d04h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
