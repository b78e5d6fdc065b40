"""How the families of ``keras.applications`` divide into blocks, in each family's own terms.

One row a family. A rule names a block from the names of its layers; a block ends at the last layer
that its rule matches, and holds all that this layer needs and that no earlier block has. So a block
boundary is a place on the layer graph, and auto-named layers between need no rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Preprocessing = Literal["tf", "torch", "caffe", "none", "lite"]


@dataclass(frozen=True)
class Rule:
    """Which layers name a block.

    Attributes:
        pattern: What the whole name of such a layer must match.
        block: The block's name; ``{0}`` stands for the pattern's first group.
        shift: Added to the group where it is a number and the family counts from elsewhere.
    """

    pattern: str
    block: str
    shift: int = 0

    def name(self, layer: str) -> str | None:
        """Return the name of the block that a layer names, or ``None`` where it names none."""
        found = re.fullmatch(self.pattern, layer)
        if found is None:
            return None
        group = next((each for each in found.groups() if each is not None), "")
        if self.shift:
            group = str(int(group) + self.shift)
        return self.block.format(group)


@dataclass(frozen=True)
class Family:
    """What the members of a family share.

    Attributes:
        title: What people call it.
        constructors: Its members' names in ``keras.applications``, from small to large.
        rules: Tried in order for each layer.
        preprocessing: What the backbone expects of RGB in 0..255: ``tf`` is -1..1, ``torch`` 0..1
            less ImageNet's mean through its spread, ``caffe`` BGR less ImageNet's mean, ``none``
            as it is, because the first layers do it.
        licence: Of the ImageNet weights, as an SPDX identifier; empty where it is not known.
        licence_source: Where that is said.
        paper: Title and address of the paper.
    """

    title: str
    constructors: tuple[str, ...]
    rules: tuple[Rule, ...]
    preprocessing: Preprocessing
    licence: str
    licence_source: str
    paper: str


_KERAS_DOCS = ("Keras Applications documentation, section License of the model: "
               "https://github.com/keras-team/keras/blob/2.3.0/docs/templates/applications.md")
_TPU = "https://github.com/tensorflow/tpu/blob/master/LICENSE"
_TF_MODELS = "https://github.com/tensorflow/models/blob/master/LICENSE"

FAMILIES: tuple[Family, ...] = (
    Family(
        "VGG", ("VGG16", "VGG19"), (Rule(r"block(\d)_.*", "block{0}"),), "caffe",
        "CC-BY-4.0", _KERAS_DOCS,
        "Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556",
    ),
    Family(
        "ResNet", ("ResNet50", "ResNet101", "ResNet152"),
        (Rule(r"conv1_.*|pool1_.*", "conv1"), Rule(r"conv([2-5])_.*", "stage{0}")), "caffe",
        "MIT", _KERAS_DOCS, "He et al. 2015, https://arxiv.org/abs/1512.03385",
    ),
    Family(
        "ResNetV2", ("ResNet50V2", "ResNet101V2", "ResNet152V2"),
        (Rule(r"conv1_.*|pool1_.*", "conv1"), Rule(r"conv([2-5])_.*", "stage{0}"),
         Rule(r"post_.*", "post")), "tf",
        "BSD-3-Clause", _KERAS_DOCS, "He et al. 2016, https://arxiv.org/abs/1603.05027",
    ),
    Family(
        "MobileNet", ("MobileNet",),
        (Rule(r"conv1(?:_.*)?", "conv1"), Rule(r"conv_(?:dw|pw)_(\d+)(?:_.*)?", "block{0}")), "tf",
        "Apache-2.0", _KERAS_DOCS, "Howard et al. 2017, https://arxiv.org/abs/1704.04861",
    ),
    Family(
        "MobileNetV2", ("MobileNetV2",),
        (Rule(r"Conv1|bn_Conv1|Conv1_relu", "stem"), Rule(r"expanded_conv_.*", "block0"),
         Rule(r"block_(\d+)_.*", "block{0}"), Rule(r"Conv_1.*|out_relu", "top")), "tf",
        "Apache-2.0", _KERAS_DOCS, "Sandler et al. 2018, https://arxiv.org/abs/1801.04381",
    ),
    Family(
        "MobileNetV3", ("MobileNetV3Small", "MobileNetV3Large"),
        (Rule(r"conv|conv_bn|activation", "stem"), Rule(r"expanded_conv_(\d+)_.*", "block{0}"),
         Rule(r"expanded_conv_.*", "block0"), Rule(r"conv_1|conv_1_bn", "top")), "none",
        "Apache-2.0", _TF_MODELS, "Howard et al. 2019, https://arxiv.org/abs/1905.02244",
    ),
    Family(
        "EfficientNet", tuple(f"EfficientNetB{n}" for n in range(8)),
        (Rule(r"stem_.*", "stem"), Rule(r"block(\d)[a-z]_.*", "block{0}"), Rule(r"top_.*", "top")),
        "none", "Apache-2.0", _TPU, "Tan and Le 2019, https://arxiv.org/abs/1905.11946",
    ),
    Family(
        "EfficientNetV2",
        ("EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3",
         "EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L"),
        (Rule(r"stem_.*", "stem"), Rule(r"block(\d)[a-z]+_.*", "block{0}"), Rule(r"top_.*", "top")),
        "none", "Apache-2.0", "https://github.com/google/automl/blob/master/LICENSE",
        "Tan and Le 2021, https://arxiv.org/abs/2104.00298",
    ),
    Family(
        "DenseNet", ("DenseNet121", "DenseNet169", "DenseNet201"),
        (Rule(r"conv1_.*|pool1", "conv1"), Rule(r"conv([2-5])_block.*", "dense{0}", -1),
         Rule(r"pool([2-4])_.*", "transition{0}", -1), Rule(r"bn|relu", "norm")), "torch",
        "BSD-3-Clause", _KERAS_DOCS, "Huang et al. 2016, https://arxiv.org/abs/1608.06993",
    ),
    Family(
        "Inception", ("InceptionV3",),
        (Rule(r"max_pooling2d_1", "stem"), Rule(r"mixed(\d+)", "mixed{0}")), "tf",
        "Apache-2.0", _KERAS_DOCS, "Szegedy et al. 2015, https://arxiv.org/abs/1512.00567",
    ),
    Family(
        "Inception-ResNet", ("InceptionResNetV2",),
        (Rule(r"max_pooling2d_1", "stem"), Rule(r"(mixed_\d[ab])", "{0}"),
         Rule(r"(block(?:35|17|8)_\d+)_.*", "{0}"), Rule(r"custom_scale_layer_39", "block8_10"),
         Rule(r"conv_7b.*", "conv_7b")), "tf",
        "Apache-2.0", _KERAS_DOCS, "Szegedy et al. 2016, https://arxiv.org/abs/1602.07261",
    ),
    Family(
        "Xception", ("Xception",),
        (Rule(r"block(1|14)_.*", "block{0}"), Rule(r"add", "block2"), Rule(r"add_(\d+)", "block{0}", 2)),
        "tf", "MIT", _KERAS_DOCS, "Chollet 2016, https://arxiv.org/abs/1610.02357",
    ),
    Family(
        "NASNet", ("NASNetMobile", "NASNetLarge"),
        (Rule(r"stem_bn1", "stem"), Rule(r"reduction_concat_stem_(\d)", "stem{0}"),
         Rule(r"normal_concat_(\d+)", "cell{0}"), Rule(r"reduction_concat_reduce_(\d+)", "reduce{0}")),
        "tf", "Apache-2.0", _KERAS_DOCS, "Zoph et al. 2017, https://arxiv.org/abs/1707.07012",
    ),
    Family(
        "ConvNeXt",
        ("ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"),
        (Rule(r"convnext_\w+_stem", "stem"), Rule(r"convnext_\w+_stage_(\d)_.*", "stage{0}"),
         Rule(r"layer_normalization", "norm")), "none",
        "MIT", "https://github.com/facebookresearch/ConvNeXt/blob/main/LICENSE",
        "Liu et al. 2022, https://arxiv.org/abs/2201.03545",
    ),
)


def family_of(constructor: str) -> Family:
    """Return the family of a constructor of ``keras.applications``; raises KeyError for another name."""
    for family in FAMILIES:
        if constructor in family.constructors:
            return family
    raise KeyError(constructor)
