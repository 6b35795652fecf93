"""What the paper and its authors' code report for COCO, AP in per cent."""

# Detector, hard suppression, the better soft rule: test-dev, as the abstract's gains.
COCO = (("R-FCN", 31.1, 32.4), ("Deformable R-FCN", 39.8, 40.9))

# README of the released code: detector and split; hard, linear, Gaussian.
RELEASED = (
    ("R-FCN, minival", 33.9, 34.8, 35.1),
    ("Faster R-CNN (VGG16), test-dev", 24.4, 25.5, 25.5),
)
