"""The commands on backbones: list them, measure one, check a weight file against one."""

from __future__ import annotations

import argparse
import signal
from dataclasses import asdict
from pathlib import Path

from core.backbones import catalogue, listing
from core.backbones.kept import given_file
from core.backbones.stored import RANDOM
from core.cli import options
from core.cli.options import Groups
from core.cli.progress import Bar
from core.cli.signals import answered
from core.files import JsonObject
from core.i18n import _
from core.workspace import Workspace


def declare(groups: Groups) -> None:
    """Declare the commands."""
    options.command(groups, "backbones", backbones, show_backbones,
                    _("List the backbones, their blocks and whether their weights are ready."))
    each = options.command(
        groups, "measure", measure, show_measure,
        _("Measure a backbone's speed and memory on this computer, and keep the result."))
    each.add_argument("backbone", metavar="NAME")
    each.add_argument("--image-size", type=int, metavar="N", help=_("edge of the images in pixels"))
    each.add_argument("--quick", action="store_true", help=_("a pass without learning only"))
    options.workspace(each)
    each = options.command(
        groups, "fetch", fetch, show_fetch,
        _("Download a backbone's ImageNet weights, to be ready without a network."))
    each.add_argument("backbone", metavar="NAME")
    options.workspace(each)
    each = options.command(groups, "weights", weights, show_weights,
                           _("Check layer by layer whether a weight file fits a backbone."))
    each.add_argument("file", metavar="FILE")
    each.add_argument("--backbone", metavar="NAME", required=True)


def backbones(_given: argparse.Namespace) -> JsonObject:
    """List the backbones."""
    return {"backbones": listing.backbones_json()}


def show_backbones(_answer: JsonObject) -> str:
    """One line a backbone."""
    return listing.backbones_text()


def measure(given: argparse.Namespace) -> JsonObject:
    """Measure a backbone here and keep what was found."""
    workspace = Workspace.open(given.workspace)
    backbone = catalogue.get(given.backbone)
    if given.image_size is not None:
        backbone.check_size(given.image_size)
    from core.training.calibrate import calibrate

    found = calibrate(backbone.name, given.image_size, quick=given.quick)
    found.save(workspace)
    return {**asdict(found), "images_per_s": found.images_per_s}


def show_measure(answer: JsonObject) -> str:
    """What was found in one line."""
    return _("{backbone}: {images_per_s:.0f} photos a second without learning, batch {batch}").format(
        **answer
    )


def fetch(given: argparse.Namespace) -> JsonObject:
    """Download the weights of a backbone of Keras' into the cache."""
    from core.backbones import download
    from core.backbones.stored import HostedWeights
    from core.training.backend import load_tensorflow

    Workspace.open(given.workspace)
    backbone = catalogue.get(given.backbone)
    if isinstance(backbone.stored, HostedWeights):
        load_tensorflow()
        # SIGTERM ends it as Ctrl-C does, so that nothing half-made is left.
        with answered(signal.default_int_handler, signal.SIGTERM), Bar() as bar:
            file = download.fetch(backbone, lambda share: bar.say("", f"{share:.0%}"))
        return {"backbone": backbone.name, "state": "ready", "file": str(file)}
    return {"backbone": backbone.name, "state": backbone.stored.state, "file": None}


def show_fetch(answer: JsonObject) -> str:
    """Where the weights are."""
    if answer["file"] is None:
        return _("{backbone}: its weights come with pip ({state}).").format(**answer)
    return _("{backbone}: {state}, {file}").format(**answer)


def weights(given: argparse.Namespace) -> JsonObject:
    """Check a weight file against a backbone; nothing is kept."""
    backbone = catalogue.get(given.backbone)
    from core.backbones import build, load_weights
    from core.training.backend import load_tensorflow

    file = given_file(Path(given.file))
    load_tensorflow()
    model = build.build(backbone.name, weights=RANDOM)
    load_weights.from_file(model, backbone, file)
    return {
        "file": file.name, "backbone": backbone.name, "fits": True,
        "layers": len(load_weights.leaves(model)), "parameters": backbone.parameters,
    }


def show_weights(answer: JsonObject) -> str:
    """That it fits; what does not is an error."""
    return _("{file} fits {backbone}: all {layers} layers.").format(**answer)
