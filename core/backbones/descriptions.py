"""What the backbones are, in a plain sentence each."""

from __future__ import annotations

from core.i18n import _


def described(name: str, family: str) -> str:
    """Return what is said of a backbone of that name, or else of its family."""
    known = _descriptions()
    return known.get(name) or known[family]


def _descriptions() -> dict[str, str]:
    return {
        "efficientnet-lite0": _("The smallest of the three, with the least work for each image."),
        "efficientnet-lite1": _(
            "Deeper than Lite0 and with a larger input: about one and a half times the work."
        ),
        "efficientnet-lite2": _(
            "Wider and deeper, with the largest input: a little over twice the work of Lite0."
        ),
        "VGG": _("Plain stacks of 3×3 convolutions: easy to read, large and slow. The textbook's."),
        "ResNet": _("Residual blocks: each adds a correction to what came in."),
        "ResNetV2": _("Residual blocks with normalisation before each convolution."),
        "MobileNet": _("Depthwise convolutions for phones: small and quick."),
        "MobileNetV2": _("Narrow between blocks, wide inside them: small and quick."),
        "MobileNetV3": _("MobileNet tuned by search, with squeeze-and-excite: the quickest here."),
        "EfficientNet": _("Depth, width and image size scaled together from one small network."),
        "EfficientNetV2": _("EfficientNet with plainer first blocks, quicker to train."),
        "DenseNet": _("Each layer sees the outputs of all before it in its block."),
        "Inception": _("Several window sizes side by side in every block."),
        "Inception-ResNet": _("Inception blocks that add to what came in."),
        "Xception": _("Depthwise separable convolutions all the way."),
        "NASNet": _("Cells found by search; each takes the outputs of the two before it."),
        "ConvNeXt": _("A convolutional network built anew with what transformers taught."),
    }
