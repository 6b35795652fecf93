"""Videos through a decoder, a function and an encoder. A failure means that frames,
times, sound, colours or rotation do not survive."""

import sys
from fractions import Fraction
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from common.contract import UserError
from common.files import video
from tests.videos import photograph, read_sound, read_video, write_video

av = pytest.importorskip("av")

TIMES = (0, 1, 3, 4, 8, 9)  # uneven, in tenths of a second


def inverted(params, frames):
    return 255 - frames


def converted(tmp_path, compute=inverted, target="out.mkv", **options):
    source = tmp_path / "film.mp4"
    options = {"size": video.frame_size(source), "crf": 0, **options}
    return video.convert(source, tmp_path / target, compute, {}, **options)


@pytest.mark.parametrize(
    ("size", "layout"), [((20, 32), "yuv420p"), ((21, 27), "yuv444p")]
)
def test_frames_times_and_sound_survive_bit_for_bit(tmp_path, size, layout):
    images = [photograph(*size, seed) for seed in range(len(TIMES))]
    write_video(tmp_path / "film.mp4", images, TIMES, pix_fmt=layout, sound=True)
    speed = converted(tmp_path, target="out.mp4", layout=layout)
    before, times_before = read_video(tmp_path / "film.mp4", layout)
    after, times = read_video(tmp_path / "out.mp4", layout)
    np.testing.assert_array_equal(after, 255 - before)
    np.testing.assert_allclose(times, times_before, atol=1e-3)
    np.testing.assert_allclose(np.diff(times), np.diff(TIMES) / 10, atol=1e-3)
    assert read_sound(tmp_path / "out.mp4") == read_sound(tmp_path / "film.mp4") != []
    assert speed.frames == len(TIMES)


@pytest.mark.parametrize("matrix", [1, 5])  # BT.709, BT.601
@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuvj444p"])  # limited, full range
def test_colours_are_those_of_the_video(tmp_path, matrix, pix_fmt):
    colours = np.array([(200, 30, 60), (20, 180, 90), (30, 60, 220)], np.uint8)
    images = [np.tile(colour, (33, 33, 1)) for colour in colours]
    write_video(tmp_path / "film.mp4", images, pix_fmt=pix_fmt, matrix=matrix)
    converted(tmp_path)
    after, _ = read_video(tmp_path / "out.mkv")
    assert np.abs(after - (255.0 - np.stack(images))).max() <= 4


@pytest.mark.parametrize(("matrix", "expected"), [(1, 1), (2, 5), (5, 5)])
def test_planes_keep_their_matrix(tmp_path, matrix, expected):
    """A small video that names no matrix has BT.601, whatever the output's size."""
    write_video(tmp_path / "film.mp4", [photograph(32, 32)], matrix=matrix)
    converted(tmp_path, layout="yuv420p")
    with av.open(str(tmp_path / "out.mkv")) as reader:
        assert next(reader.decode(video=0)).colorspace == expected


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_a_video_on_its_side_stays_turned(tmp_path, rotation, ending, sound):
    """With sound, whose packets come before the first frame."""
    images = [photograph(32, 48)] * 2
    write_video(tmp_path / "film.mp4", images, rotation=rotation, sound=sound)
    converted(tmp_path, target=f"out.{ending}")
    with av.open(str(tmp_path / f"out.{ending}")) as reader:
        turned = next(reader.decode(video=0)).rotation
    assert (turned - rotation) % 360 == 0
    if sound:
        assert (
            read_sound(tmp_path / f"out.{ending}")
            == read_sound(tmp_path / "film.mp4")
            != []
        )


@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_frames_are_drawn_on_as_players_show_them(tmp_path, rotation):
    source = tmp_path / "film.mp4"
    write_video(source, [photograph(32, 48)] * 3, rotation=rotation)
    stored, _ = read_video(source)
    expected = np.rot90(stored[0], rotation // 90)
    assert video.shown_size(source) == expected.shape[1::-1]
    (_, frame), *_ = video.sampled(source, 1)
    np.testing.assert_array_equal(frame, expected)
    drawn_on = []

    def draw(frame, mean):
        drawn_on.append((frame, mean))
        return frame

    converted(
        tmp_path,
        lambda _, x: x.mean((1, 2)),
        size=expected.shape[1::-1],
        prepare=lambda frame: frame[..., 0],
        draw=draw,
    )
    assert len(drawn_on) == 3
    np.testing.assert_array_equal(drawn_on[2][0], expected)
    np.testing.assert_allclose(drawn_on[2][1], expected[..., 0].mean(), rtol=1e-4)
    made, _ = read_video(tmp_path / "out.mkv")
    assert np.abs(made[2].astype(int) - expected).mean() < 3
    with av.open(str(tmp_path / "out.mkv")) as reader:
        assert next(reader.decode(video=0)).rotation == 0


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_videos_tags_are_copied(tmp_path, ending):
    """Mirrored, of wide pixels, in other primaries, with a title, languages and
    chapters."""
    write_video(tmp_path / "plain.mp4", [photograph(32, 48)] * 2, sound=True)
    chapter = {
        "id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000),
        "metadata": {"title": "One"},
    }  # fmt: skip
    with (
        av.open(str(tmp_path / "plain.mp4")) as reader,
        av.open(str(tmp_path / "film.mp4"), "w") as writer,
    ):
        old, tone = reader.streams.video[0], reader.streams.audio[0]
        stream = writer.add_stream("libx264", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        context = stream.codec_context
        context.sample_aspect_ratio = Fraction(4, 3)
        context.color_primaries, context.color_trc, context.colorspace = 9, 16, 9
        stream.set_display_rotation(90, hflip=True)
        copied = writer.add_stream_from_template(tone)
        copied.metadata["language"] = "deu"
        writer.metadata.update(title="A film", comment="of two frames")
        writer.set_chapters([chapter])
        for packet in reader.demux(old, tone):
            if packet.stream is tone and packet.dts is not None:
                packet.stream = copied
                writer.mux(packet)
            elif packet.stream is old:
                for frame in packet.decode():
                    writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    converted(tmp_path, target=f"out.{ending}", layout="yuv420p")
    tags = []
    for name in ("film.mp4", f"out.{ending}"):
        with av.open(str(tmp_path / name)) as reader:
            frame = next(reader.decode(video=0))
            named = {k.lower(): v for k, v in reader.metadata.items()}
            tags.append([
                reader.streams.video[0].sample_aspect_ratio,
                bytes(frame.side_data.get("DISPLAYMATRIX")),
                (frame.color_primaries, frame.color_trc, frame.colorspace),
                (named["title"], named["comment"]),
                reader.streams.audio[0].language,
                [c["metadata"]["title"] for c in reader.chapters()],
            ])  # fmt: skip
    assert tags[0] == tags[1]
    assert tags[0][0] == Fraction(4, 3)
    assert tags[0][2:] == [(9, 16, 9), ("A film", "of two frames"), "deu", ["One"]]


def test_what_is_damaged_is_left_out(tmp_path):
    write_video(tmp_path / "film.mp4", [photograph(64, 64, seed) for seed in range(6)])
    with av.open(str(tmp_path / "film.mp4")) as reader:
        packets = [(p.pos, p.size) for p in reader.demux(video=0) if p.size]
    data = bytearray((tmp_path / "film.mp4").read_bytes())
    place, size = packets[3]
    data[place : place + size] = bytes(size)
    (tmp_path / "film.mp4").write_bytes(data)
    with pytest.warns(UserWarning, match="left out what is damaged"):
        assert 3 <= converted(tmp_path, layout="yuv420p").frames < 6


def test_times_that_do_not_rise_are_made_to():
    class Packet:
        stream = "pictures"
        dts = 0

        def __init__(self, *times):
            self.times = times

        def decode(self):
            return [SimpleNamespace(pts=t, side_data={}) for t in self.times]

    packets = [Packet(1), Packet(4, 3), Packet(None), Packet(9)]
    reader = SimpleNamespace(demux=lambda *_: packets, name="film.avi")
    writer = SimpleNamespace(mux=lambda packets: None)
    frames = video._frames(reader, "pictures", writer, None, {}, None)
    assert [frame.pts for frame in frames] == [1, 4, 5, 6, 9]


def test_another_size_before_and_after(tmp_path):
    """A flat video stays flat through a resize and a repeat of pixels."""
    write_video(tmp_path / "film.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 2)

    def twice(params, frames):
        return frames.repeat(2, axis=1).repeat(2, axis=2)

    converted(tmp_path, twice, size=(33, 25), scale=2)
    after, _ = read_video(tmp_path / "out.mkv")
    assert after.shape == (2, 50, 66, 3)
    assert np.abs(after - 90.0).max() <= 2


def test_the_first_frames_alone(tmp_path):
    write_video(tmp_path / "film.mp4", [photograph(32, 32, seed) for seed in range(5)])
    assert converted(tmp_path, layout="yuv420p", most=3).frames == 3
    expected = 255 - read_video(tmp_path / "film.mp4", "yuv420p")[0][:3]
    np.testing.assert_array_equal(
        read_video(tmp_path / "out.mkv", "yuv420p")[0], expected
    )


@pytest.mark.parametrize("count", [1, 4, 6, 8])
def test_batches_keep_order_and_repeat_only_what_is_not_written(count):
    events = []
    written = []

    def run(arrays):
        assert arrays.shape == (4,)
        events.append("computed")
        return 10 * arrays

    def write(computed, arrays, originals):
        assert arrays.shape == (4,)
        events.append("written")
        written.extend(zip(computed, originals, strict=False))

    frames = iter(range(count))
    assert video._in_batches(frames, np.asarray, run, 4, write)[0] == count
    assert written == [(10 * i, i) for i in range(count)]
    if count > 4:  # the second batch is on its way while the first is encoded
        assert events[-3:] == ["computed", "written", "written"]


def test_where_a_video_goes(tmp_path):
    source = tmp_path / "film.avi"
    source.write_bytes(b"")
    assert video.video_target(source, "", "x3") == tmp_path / "film_x3.mkv"
    folder = tmp_path / "new" / "out"
    assert video.video_target(source, str(folder), "x3") == folder / "film_x3.mkv"
    assert folder.is_dir()
    (tmp_path / "CAPS.MP4").write_bytes(b"")
    assert video.is_video(tmp_path / "CAPS.MP4")
    capitals = video.video_target(tmp_path / "CAPS.MP4", "", "x3")
    assert capitals == tmp_path / "CAPS_x3.mp4"
    named = str(tmp_path / "big.mp4")
    assert str(video.video_target(source, named, "x3")) == named
    with pytest.raises(UserError, match="is the input itself"):
        video.video_target(source, str(source), "x3")


def test_what_cannot_be_done_is_one_line(tmp_path, monkeypatch):
    write_video(tmp_path / "film.mp4", [photograph(32, 32)], sound=True)
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    with av.open(str(tmp_path / "song.mp4"), "w") as writer:
        tone = writer.add_stream("aac", rate=44_100)
        with av.open(str(tmp_path / "film.mp4")) as reader:
            for frame in reader.decode(audio=0):
                writer.mux(tone.encode(frame))
        writer.mux(tone.encode(None))
    for name, message in [
        ("broken.mp4", "is not a video that can be read"),
        ("song.mp4", "has no pictures"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            video.frame_size(tmp_path / name)
        assert "\n" not in str(caught.value)
    for name, message in [
        ("out.strange", "not written"),
        ("out.webm", "libx264"),  # WebM is for other codecs
        ("missing/out.mkv", "No such file"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            converted(tmp_path, target=name)
        assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"PyAV: pip install .*\[video\]"):
        video.frame_size(tmp_path / "film.mp4")


def test_an_interrupted_video_has_the_frames_so_far(tmp_path, monkeypatch):
    write_video(tmp_path / "film.mp4", [photograph(32, 48, i) for i in range(40)])
    write = video._write
    calls = []

    def interrupted(*arguments):
        calls.append(write(*arguments))
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(video, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"out\.mkv has the frames so far"):
        converted(tmp_path)
    frames, _ = read_video(tmp_path / "out.mkv")
    assert len(frames) == 2 * len(jax.local_devices())
