"""Thaw's core: images to dataset, dataset and plan to a run folder, run folder to insight.

Nothing in this package imports Streamlit; what needs TensorFlow imports it inside functions or in
modules that are only imported when a training or a prediction starts.
"""

__version__ = "0.1.0"
