"""Darknet's cfg language. A failure means that a published cfg builds another network
than darknet's, or that a broken one builds any."""

import pytest

from common.contract import UserError
from papers.yolov3 import cfg_text, darknet_cfg
from papers.yolov3.architectures import ARCHITECTURES, MASKS_TINY_TRAINED
from papers.yolov3.cfg import shared_layers, yolo_layers
from papers.yolov3.custom_cfg import with_priors
from papers.yolov3.layers import ACTIVATIONS, Convolutional, MaxPool, Route, Shortcut
from papers.yolov3.model import ACTIVATIONS as FUNCTIONS
from papers.yolov3.model import build

NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"
CONV = "[convolutional]\nfilters=4\nactivation=linear\n"
YOLO = "[yolo]\nmask=0,1\nanchors=10,14, 23,27, 37,58\nclasses=3\nnum=3\n"
DETECTOR = NET + CONV.replace("4", "16") + YOLO


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_text_of_ours_is_the_same_network_again(name):
    cfg = build(name)
    text = cfg_text.text(cfg)
    assert darknet_cfg.parse(text) == cfg
    assert darknet_cfg.parse(text.replace("\n", "\r\n")) == cfg


def test_a_section_without_keys_has_darknets_defaults():
    text = (
        "[network]\n width = 8\nheight\t=8\nchannels=3\n[conv]\n[max]\nstride=2\n"
        "[route]\nlayers=-2\n[upsample]\n[avg]\n[soft]\n[cost]\ntype=sse\n"
    )
    cfg = darknet_cfg.parse(text)
    assert (cfg.net.batch, cfg.net.learning_rate, cfg.net.momentum) == (1, 0.001, 0.9)
    assert (cfg.net.decay, cfg.net.power, cfg.net.policy) == (1e-4, 4, "constant")
    sections = [layer.section for layer in cfg.layers]
    assert sections == (
        ["convolutional", "maxpool", "route", "upsample", "avgpool", "softmax", "cost"]
    )
    assert cfg.layers[0] == Convolutional(1, 1, 1, 0, 1, False, "logistic")
    assert cfg.layers[1] == MaxPool(2, 2, 1)
    assert cfg.layers[2] == Route((0,))
    assert cfg.layers[3].stride == 2


def test_a_yolo_without_keys_has_darknets_defaults():
    text = NET + CONV.replace("4", "25") + "[yolo]\nanchors=10,13\n"
    (layer,) = yolo_layers(darknet_cfg.parse(text))
    assert (layer.classes, layer.mask, layer.jitter, layer.max) == (20, (0,), 0.2, 90)
    assert (layer.ignore_thresh, layer.truth_thresh) == (0.5, 1.0)


def test_blanks_comments_and_later_duplicates_count_for_nothing():
    text = DETECTOR.replace(
        "filters=16", "filters = 1 6 # 9\n#filters=9\n;x\nfilters=99"
    )
    assert darknet_cfg.parse(text) == darknet_cfg.parse(DETECTOR)
    steps = NET + "policy=steps\nsteps=400000, 450000\nscales=.1, .1\n" + CONV
    net = darknet_cfg.parse(steps).net
    assert (net.steps, net.scales) == ((400_000, 450_000), (0.1, 0.1))


def test_pad_is_a_flag_and_padding_a_number():
    text = NET + CONV + "size=5\npad=1\npadding=9\n" + CONV + "size=5\npadding=1\n"
    layers = darknet_cfg.parse(text).layers
    assert [layer.padding for layer in layers] == [2, 1]


def test_negative_numbers_count_back_from_the_layer_itself():
    text = NET + 3 * CONV + "[shortcut]\nfrom=-3\nactivation=linear\n"
    text += "[route]\nlayers=-1,0\n"
    *_, shortcut, route = darknet_cfg.parse(text).layers
    assert shortcut == Shortcut(0)
    assert route == Route((3, 0))


# What a broken cfg holds, and what its error says.
BROKEN = {
    "": "no sections",
    "width=3\n" + NET + CONV: "line 1: 'width=3' precedes",
    CONV + NET: r"line 1: the first section must be \[net\], not \[convolutional\]",
    NET: "at least one layer",
    "[net]\nwidth=32\nheight=32\n" + CONV: r"line 1: \[net\] channels: is missing",
    NET + CONV + NET: r"line 8: a second \[net\]",
    DETECTOR.replace("37,58", "37,0"): r"\[yolo\] anchors have sides above 0",
    NET + "[region]\nclasses=2\n": r"line 5: no section \[region\]; there are",
    NET + "[convolutional\n": r"line 5: no section \[convolutional",
    NET + CONV + "stride=x\n": r"line 8: \[convolutional\] stride=x: give a whole num",
    NET + CONV + "stride=0\n": "stride=0: give a whole number, at least 1",
    NET + CONV + "fliters=3\n": "fliters=3: no such key, nearest: filters",
    NET + CONV + "dilation\n": "'dilation' is not key=value",
    NET + CONV.replace("linear", "mish"): "line 5: .* no activation 'mish'",
    NET + CONV + "size=99\n": r"layer 0 \[convolutional\]: nothing is left",
    NET + CONV + "groups=2\n": "2 groups do not divide 3 inputs and 4 filters",
    NET + CONV + "[shortcut]\nfrom=-9\n": "from=-9: give a whole number, at least -1",
    NET + CONV + "[shortcut]\nfrom=7\n": "layer 1 .*reads layer 7: give .* 0 to 0",
    NET + CONV + "[route]\n": r"\[route\] layers: is missing",
    NET + CONV + "[max]\nstride=2\n[route]\nlayers=0,1\n": "layer 2 .* differ in size",
    DETECTOR.replace("16", "24"): (
        r"layer 1 \[yolo\]: it reads 24 channels: .* 2 x \(5 \+ 3 classes\) = 16"
    ),
    DETECTOR.replace("mask=0,1", "mask=0,3"): "mask 3: there are only 3 anchors",
    DETECTOR.replace("num=3", "num=4"): "num=4: there are 3 pairs",
    DETECTOR.replace("37,58", "37"): "give pairs of width and height",
    DETECTOR
    + DETECTOR[len(NET) :].replace("=3\nnum", "=11\nnum").replace("16", "32"): (
        r"layer 3 \[yolo\]: 11 classes, but layer 1 has 3"
    ),
    DETECTOR + DETECTOR[len(NET) :].replace("37,58", "38,58"): (
        r"layer 3 \[yolo\]: its anchors are not those of layer 1"
    ),
    DETECTOR + "scale_x_y=1.1\n": "scale_x_y=1.1: boxes are read in the paper's way",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_cfg_is_one_line_that_says_where(text):
    with pytest.raises(UserError, match=BROKEN[text]) as error:
        darknet_cfg.parse(text, "a.cfg")
    assert str(error.value).startswith("a.cfg") or not text or text == NET
    assert "\n" not in str(error.value)


def test_settings_of_other_programs_losses_are_said_aloud():
    with pytest.warns(UserWarning, match="change nothing here: iou_loss"):
        cfg = darknet_cfg.parse(DETECTOR + "iou_loss=giou\n")
    assert cfg == darknet_cfg.parse(DETECTOR)


def test_a_file_is_read_with_its_mark_and_refused_without_a_word_of_text(tmp_path):
    path = tmp_path / "own.cfg"
    path.write_bytes(DETECTOR.encode("utf-16"))
    assert build(str(path)) == darknet_cfg.parse(DETECTOR)
    path.write_bytes(b"\xff\xd8\xff\xe0 a picture")
    with pytest.raises(UserError, match="is not UTF-8"):
        build(str(path))
    with pytest.raises(UserError, match=r"there is no such \.cfg file"):
        build(str(tmp_path / "other.cfg"))


def test_a_users_classes_change_every_scale(tmp_path):
    path = tmp_path / "own.cfg"
    path.write_text(cfg_text.text(build("yolov3-tiny")))
    assert build(str(path), 3) == build("yolov3-tiny", 3)
    path.write_text(cfg_text.text(build("darknet53")))
    assert build(str(path), 3) == build("darknet53", 3)


def test_priors_are_sorted_and_as_many_as_before():
    cfg = with_priors(build("yolov3-tiny"), [(9, 9), (1, 2), *[(20, 3)] * 4])
    assert yolo_layers(cfg)[0].anchors[:2] == ((1.0, 2.0), (20.0, 3.0))
    with pytest.raises(UserError, match="has 6 priors, not 2"):
        with_priors(cfg, [(1, 1), (2, 2)])


def test_names_and_changes_that_do_not_exist_are_refused():
    with pytest.raises(UserError, match="did you mean yolov3"):
        build("yolo3")
    with pytest.raises(UserError, match=r"yolov3-tiny: .*blocks"):
        build("yolov3-tiny", blocks=(1, 1))
    with pytest.raises(UserError, match="yolov3 has 9 priors, not 6"):
        build("yolov3", anchors=[(1, 1)] * 6)


def test_the_trained_tiny_weights_have_their_own_masks():
    masks = [layer.mask for layer in yolo_layers(build("yolov3-tiny-trained"))]
    assert tuple(masks) == MASKS_TINY_TRAINED == ((3, 4, 5), (1, 2, 3))


def test_darknet53_and_yolov3_share_the_trunk():
    assert shared_layers(build("darknet53"), build("yolov3", 3)) == 75


def test_every_activation_that_a_cfg_may_name_has_a_function():
    assert (*FUNCTIONS,) == ACTIVATIONS
