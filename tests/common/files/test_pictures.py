"""Picture files. A failure means that the pixels are not those that a viewer shows, for
some mode or rotation."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from common.contract import UserError
from common.files import pictures
from common.files.pictures import PictureFiles, channels_of, decode, read

RNG = np.random.default_rng(0)


def png(depth, kind, width, rows, transparent=b""):
    """A PNG of any bits a sample, with a colour key, which Pillow does not write."""

    def chunk(name, data):
        end = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + end

    head = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    lines = b"".join(b"\0" + row for row in rows)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines))]
    parts[1:1] = [chunk(b"tRNS", transparent)] if transparent else []
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def test_pictures_are_read_as_viewers_show_them(tmp_path):
    """They are turned as EXIF says, and 16 bits become 8."""
    upright = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    turned = Image.fromarray(np.rot90(upright))  # a quarter to the left
    turned.getexif()[0x0112] = 6  # to be shown a quarter to the right
    turned.save(tmp_path / "turned.png", exif=turned.getexif())
    np.testing.assert_array_equal(decode(tmp_path / "turned.png"), upright)
    deep = np.linspace(0, 65535, 54).reshape(6, 9).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    for channels in 1, 3:
        found = decode(tmp_path / "deep.png", channels)
        assert found.shape == (6, 9, channels)
        expected = np.broadcast_to(deep[..., None] / 257, found.shape)
        np.testing.assert_allclose(found, expected, atol=0.51)


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)]
)
def test_a_file_is_read_as_it_is_where_that_is_asked(tmp_path, mode, channels):
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    picture = Image.fromarray(array).convert(mode)
    picture.save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", channels=None)
    assert found.shape == (5, 7, channels)
    bands = np.asarray(picture.convert("L") if mode == "1" else picture)
    np.testing.assert_array_equal(found, bands.reshape(found.shape))


def test_one_transparent_grey_is_alpha(tmp_path):
    grey = np.arange(35, dtype=np.uint8).reshape(5, 7)
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=3)
    found = read(tmp_path / "a.png", channels=None)
    np.testing.assert_array_equal(found[..., 0], grey)
    np.testing.assert_array_equal(found[..., 1], np.where(grey == 3, 0, 255))


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png' cannot be read as a picture"):
        read(tmp_path / "a.png")
    with pytest.warns(UserWarning, match=r"skipped: .*a\.png"):
        assert decode(tmp_path / "a.png") is None


@pytest.mark.parametrize("most", [0, 1, 255, 256, 4095, 65535])
@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_over_65535_however_dark_the_picture(tmp_path, ending, most):
    deep = np.linspace(0, most, 54).reshape(6, 9).astype(np.uint16)
    path = tmp_path / f"a.{ending}"
    if ending == "pgm":
        path.write_bytes(b"P5 9 6 65535\n" + deep.astype(">u2").tobytes())
    else:
        Image.fromarray(deep).save(path)
    np.testing.assert_allclose(read(path, 1)[..., 0], deep / 257, atol=0.51)


@pytest.mark.parametrize("white", [1, 255, 65535])
@pytest.mark.parametrize(
    ("pixel", "shown"), [(1.02, 255), (-0.02, 0), (np.nan, 0), (np.inf, 255)]
)
def test_one_strange_pixel_changes_no_other_one_of_floats(
    tmp_path, white, pixel, shown
):
    levels = np.linspace(0, 1, 54, dtype=np.float32).reshape(6, 9)
    strange = levels.copy()
    strange[2, 3] = pixel
    expected = np.round(255 * levels)
    for values in levels, strange:
        Image.fromarray(white * values).save(tmp_path / "a.tif")
        found = read(tmp_path / "a.tif", 1)[..., 0]
        if values is strange:
            expected[2, 3] = shown
        np.testing.assert_allclose(found, expected, atol=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[-1, 1]], "floats go from -1 to 1"),
        ([[0, 1e6]], r"floats go from 0 to 1e\+06"),
        ([[np.nan, np.nan]], "floats"),
        (np.array([[0, 70000]], np.int32), "whole numbers go from 0 to 70000"),
        (np.array([[-1, 7]], np.int32), "whole numbers go from -1 to 7"),
    ],
)
def test_where_no_white_is_known_none_is_made_up(tmp_path, values, message):
    array = np.asarray(values)
    array = array if array.dtype == np.int32 else array.astype(np.float32)
    Image.fromarray(array).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=message):
        read(tmp_path / "a.tif")


def seen_through(tmp_path, kind):
    """A file whose left half cannot be seen, red on red where the kind has colours."""
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[..., 0], rgba[:, 3:, 1], rgba[:, 3:, 3] = 200, 90, 255
    picture = Image.fromarray(rgba)
    path = tmp_path / f"a.{kind if kind in ('gif', 'webp', 'tif') else 'png'}"
    match kind:
        case "webp":
            picture.save(path, lossless=True, exact=True)
        case "LA":
            picture.convert("LA").save(path)
        case "palette" | "gif":
            flat = Image.fromarray(np.repeat(rgba[..., 3:] // 255, 6, 1)[:, ::6, 0])
            flat.putpalette([200, 0, 0, 200, 90, 0])
            flat.save(path, transparency=0)
        case "key":
            picture.convert("RGB").save(path, transparency=(200, 0, 0))
        case "key of 4 bits":
            rows = [bytes([0x22, 0x27, 0x77])] * 4
            path.write_bytes(png(4, 0, 6, rows, struct.pack(">H", 2)))
        case "key of 16 bits":
            rows = [struct.pack(">6H", *[3000] * 3, *[40000] * 3)] * 4
            path.write_bytes(png(16, 0, 6, rows, struct.pack(">H", 3000)))
        case "RGB key of 16 bits":
            red, other = (0xC812, 0x34, 0x56), (0xC812, 0x5A34, 0)
            rows = [struct.pack(">18H", *red * 3, *other * 3)] * 4
            path.write_bytes(png(16, 2, 6, rows, struct.pack(">3H", *red)))
        case "RGBA of 16 bits":
            hidden, shown = (0xC812, 0, 0, 0), (0xC812, 0x5A34, 0, 65535)
            rows = [struct.pack(">24H", *hidden * 3, *shown * 3)] * 4
            path.write_bytes(png(16, 6, 6, rows))
        case _:
            picture.save(path)
    return path


TRANSPARENT = (
    "RGBA", "LA", "palette", "gif", "webp", "tif", "key", "key of 4 bits",
    "key of 16 bits", "RGB key of 16 bits", "RGBA of 16 bits",
)  # fmt: skip


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_what_is_hidden_is_never_shown(tmp_path, kind):
    path = seen_through(tmp_path, kind)
    whole = read(path, None)
    np.testing.assert_array_equal(whole[..., -1], [[0] * 3 + [255] * 3] * 4)
    for channels in 1, 3:
        with pytest.warns(UserWarning, match="laid on white"):
            found = read(path, channels)
        assert found.shape == (4, 6, channels)
        assert (found[:, :3] == 255).all()
        assert (found[:, 3:].min(-1) < 200).all()


def test_an_alpha_that_hides_nothing_changes_nothing(tmp_path):
    rgba = RNG.integers(0, 256, (5, 7, 4), np.uint8)
    rgba[..., 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read(tmp_path / "a.png"), rgba[..., :3])


def srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_colour_profile_is_heeded(tmp_path):
    """In a file whose red is called green; one that is sRGB changes no bit."""
    swapped = srgb().replace(b"rXYZ", b"?XYZ", 1).replace(b"gXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"?XYZ", b"gXYZ", 1)
    array = RNG.integers(0, 256, (6, 9, 4), np.uint8)
    picture = Image.fromarray(array)
    picture.save(tmp_path / "plain.png", icc_profile=srgb())
    np.testing.assert_array_equal(read(tmp_path / "plain.png", None), array)
    picture.save(tmp_path / "swapped.png", icc_profile=swapped)
    found = read(tmp_path / "swapped.png", None)
    np.testing.assert_allclose(found, array[..., [1, 0, 2, 3]].astype(int), atol=1)
    grey = picture.convert("L")
    grey.save(tmp_path / "grey.png", icc_profile=swapped)
    assert read(tmp_path / "grey.png", None).shape == (6, 9, 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_profile_that_cannot_be_used_is_left_out_with_a_word(tmp_path, mode):
    picture = Image.new(mode, (9, 6), 70)
    picture.save(tmp_path / "a.tif", icc_profile=b"no profile")
    picture.save(tmp_path / "b.tif")
    with pytest.warns(UserWarning, match=r"a\.tif': its colour profile is left out"):
        found = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, read(tmp_path / "b.tif"))


ENDINGS = ("jfif", "avif", "jp2", "tga", "webp", "gif", "bmp", "tif", "ppm", "jpg")


@pytest.mark.parametrize("ending", ENDINGS)
def test_pictures_are_opened_by_what_is_in_them(tmp_path, ending):
    picture = Image.new("RGB", (40, 30), (220, 30, 60))
    picture.save(tmp_path / f"a.{ending}", "JPEG" if ending == "jfif" else None)
    (tmp_path / f"a.{ending}").rename(tmp_path / f"A.{ending.upper()}")
    (path,) = pictures.picture_paths(tmp_path)
    found = read(path)
    assert found.shape == (30, 40, 3)
    assert np.abs(found - (220.0, 30.0, 60.0)).max() < 8
    path.rename(tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png"), found)


def test_a_file_of_another_program_is_not_run_through_it(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9")
    with pytest.raises(UserError, match="is none of PNG, JPEG"):
        read(tmp_path / "a.png")


def test_of_several_frames_or_pages_the_first_is_read_with_a_word(tmp_path):
    first, second = (Image.new("L", (9, 6), grey) for grey in (50, 200))
    for ending in "gif", "tif", "webp", "png":
        path = tmp_path / f"a.{ending}"
        first.save(path, save_all=True, append_images=[second])
        with pytest.warns(UserWarning, match="first frame or page alone"):
            assert np.abs(read(path, 1) - 50.0).max() <= 1


def test_pictures_that_are_not_read_are_named_and_hidden_ones_passed_over(tmp_path):
    for name in (
        "a.PNG", ".ipynb_checkpoints/a-checkpoint.png", "__MACOSX/a.png", "._a.png",
        ".git/b.png", "b/Thumbs.db", "b/@eaDir/a.jpg", "b/c.heic", "b/d.HEIC",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.warns(
        UserWarning, match=r"skipped 2 \.heic in .* 'c\.heic': save them"
    ):
        assert pictures.picture_paths(tmp_path) == [tmp_path / "a.PNG"]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_bomb_is_one_line(tmp_path, side):
    """A few kB, and a hundred million pixels or four times as many."""
    bits = png(1, 0, side, [bytes(side // 8)] * side)
    assert len(bits) < 60_000
    (tmp_path / "a.png").write_bytes(bits)
    with pytest.raises(UserError, match=r"(?i)a\.png' cannot be read.* pixels"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    "kind", ["png", "gif", "bmp", "tif", "webp", "avif", "jp2", "tga", "jpg"]
)
def test_whatever_is_cut_or_garbled_is_one_line(tmp_path, kind):
    file, path = io.BytesIO(), tmp_path / "a.png"
    picture = Image.fromarray(RNG.integers(0, 256, (12, 9, 3), np.uint8))
    picture.save(
        file, {"tif": "TIFF", "jp2": "JPEG2000", "jpg": "JPEG"}.get(kind, kind)
    )
    whole = file.getvalue()
    cuts = [whole[:n] for n in range(0, len(whole), max(len(whole) // 40, 1))]
    garbled = []
    for at in RNG.integers(0, len(whole), 60):
        broken = bytearray(whole)
        broken[at] ^= int(RNG.integers(1, 256))
        garbled.append(bytes(broken))
    for data in (*cuts, *garbled):
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = decode(path)
            assert channels_of([path]) == 3
        assert picture is None or picture.shape[-1] == 3


def test_a_folder_is_grey_where_all_that_is_looked_at_is(tmp_path):
    """And what cannot be opened does not say it."""
    (tmp_path / "0.png").write_bytes(b"no picture")
    (tmp_path / "1.png").write_bytes(png(1, 0, 20_000, [bytes(2500)] * 20_000))
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path in paths[2:]:
        Image.new("L", (3, 3)).save(path)
    assert channels_of(paths) == 1
    assert channels_of(paths[:2]) == 3
    Image.new("RGB", (3, 3)).save(paths[3])
    assert channels_of(paths) == 3
    with pytest.warns(UserWarning, match=r"0\.png"):
        assert PictureFiles(paths)[0] is None
