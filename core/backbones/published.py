"""Published ImageNet accuracies of the weights, and where they are published."""

from __future__ import annotations

KERAS_TOP1_SOURCE = "Keras Applications, table of available models: https://keras.io/api/applications/"
MOBILENET_V3_SOURCE = (
    "Keras documentation of MobileNetV3, table of the float checkpoints: "
    "https://keras.io/api/applications/mobilenet/"
)

# Shares of ImageNet's validation photos whose first answer is right, as those pages give them.
IMAGENET_TOP1: dict[str, float] = {
    "VGG16": 0.713, "VGG19": 0.713,
    "ResNet50": 0.749, "ResNet101": 0.764, "ResNet152": 0.766,
    "ResNet50V2": 0.760, "ResNet101V2": 0.772, "ResNet152V2": 0.780,
    "MobileNet": 0.704, "MobileNetV2": 0.713, "MobileNetV3Small": 0.681, "MobileNetV3Large": 0.756,
    "EfficientNetB0": 0.771, "EfficientNetB1": 0.791, "EfficientNetB2": 0.801,
    "EfficientNetB3": 0.816, "EfficientNetB4": 0.829, "EfficientNetB5": 0.836,
    "EfficientNetB6": 0.840, "EfficientNetB7": 0.843,
    "EfficientNetV2B0": 0.787, "EfficientNetV2B1": 0.798, "EfficientNetV2B2": 0.805,
    "EfficientNetV2B3": 0.820, "EfficientNetV2S": 0.839, "EfficientNetV2M": 0.853,
    "EfficientNetV2L": 0.857,
    "DenseNet121": 0.750, "DenseNet169": 0.762, "DenseNet201": 0.773,
    "InceptionV3": 0.779, "InceptionResNetV2": 0.803, "Xception": 0.790,
    "NASNetMobile": 0.744, "NASNetLarge": 0.825,
    "ConvNeXtTiny": 0.813, "ConvNeXtSmall": 0.823, "ConvNeXtBase": 0.853, "ConvNeXtLarge": 0.863,
    "ConvNeXtXLarge": 0.867,
}
