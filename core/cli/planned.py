"""The plan that the options of ``train`` ask for."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TypeVar

from core.backbones import catalogue
from core.backbones.catalogue import Backbone
from core.drafts import DEFAULT_BACKBONE
from core.errors import BadInput
from core.i18n import _
from core.runs.lineage import going_on_from
from core.runs.named import run_named
from core.training import fields
from core.training.adopt import adopt_path
from core.training.plan import Head, Plan, Recipe
from core.training.presets import CHOSEN_BLOCKS, preset
from core.training.stages import epochs_needed, unreached
from core.training.start import PRETRAINED, RANDOM, Start, asked_for
from core.workspace import Workspace

_Part = TypeVar("_Part", Head, Recipe)
WEIGHTS_WORDS = ("packaged", "imagenet", PRETRAINED, RANDOM)


def plan_of(given: argparse.Namespace, workspace: Workspace) -> Plan:
    """Return the checked plan of a command line, without its photos.

    A recipe (``--recipe``) or a run (``--from-run``) says what comes first; every option that is given
    beside it takes precedence.

    Raises:
        BadInput: Options contradict each other, or a value is outside its bounds.
        NotFound: A backbone, a recipe, a run or a weight file is not there.
    """
    plan = Plan(dataset="", dataset_title="", backbone=given.backbone or DEFAULT_BACKBONE)
    if given.from_run is not None:
        plan = _going_on(plan, given, workspace)
    if given.recipe is not None:
        plan = _by_recipe(plan, given)
    if given.backbone is not None:
        plan = _with_backbone(plan, catalogue.get(given.backbone))
    backbone = catalogue.get(plan.backbone)
    if given.weights is not None:
        plan = replace(plan, weights=_start(given.weights, backbone, workspace))
        if plan.weights.source == RANDOM and _blocks_are_free(given):
            # From scratch there is nothing to keep: every block learns, unless told otherwise.
            plan = replace(plan, trainable=backbone.block_names)
    if given.trainable is not None:
        plan = replace(plan, trainable=catalogue.parse_trainable(backbone, given.trainable))
    if given.image_size is not None:
        backbone.check_size(given.image_size)
        plan = replace(plan, image_size=given.image_size)
    if given.cache is not None:
        fields.CACHE.check(given.cache)
        plan = replace(plan, cache=given.cache == "on")
    recipe = _overridden(plan.recipe, fields.RECIPE_FIELDS, given)
    if given.weight_decay is None:
        recipe = recipe.with_usual_decay(plan.recipe.optimizer)
    plan = replace(
        plan, head=_overridden(plan.head, fields.HEAD_FIELDS, given), recipe=recipe, limit=given.limit,
        train_per_class=given.train_per_class,
    ).checked()
    _warn_of_unreached(plan)
    return plan


def _warn_of_unreached(plan: Plan) -> None:
    never = unreached(plan)
    if never:
        print(
            _("{epochs} epochs are too few for every stage: {blocks} will not learn. It takes {needed}.")
            .format(epochs=plan.recipe.epochs, blocks=", ".join(never), needed=epochs_needed(plan)),
            file=sys.stderr,
        )


def _blocks_are_free(given: argparse.Namespace) -> bool:
    return given.recipe is None or preset(given.recipe).blocks == CHOSEN_BLOCKS


def _by_recipe(plan: Plan, given: argparse.Namespace) -> Plan:
    wanted = preset(given.recipe)
    other = given.weights is not None and given.weights != RANDOM and wanted.from_scratch
    if other or (given.from_run is not None and (wanted.from_scratch or wanted.backbone is not None)):
        raise BadInput(
            _("This recipe says itself what the backbone starts from."), given=wanted.name,
            fix=_("Leave --from-run and --weights out, or choose another recipe."),
        )
    if given.trainable is not None and wanted.backbone is None:
        # Before it is applied: how long a recipe takes may depend on how many blocks learn.
        blocks = catalogue.parse_trainable(catalogue.get(plan.backbone), given.trainable)
        plan = replace(plan, trainable=blocks)
    return wanted.applied(plan)


def _with_backbone(plan: Plan, backbone: Backbone) -> Plan:
    kept = catalogue.blocks_kept(plan.trainable, catalogue.get(plan.backbone), backbone)
    return replace(plan, backbone=backbone.name, trainable=kept)


def _going_on(plan: Plan, given: argparse.Namespace, workspace: Workspace) -> Plan:
    if given.weights is not None:
        raise BadInput(
            _("--from-run and --weights say two different things."), given=given.weights[:80],
            fix=_("Give one of them."),
        )
    folder = run_named(workspace, given.from_run)
    chosen = folder.plan().backbone
    if given.backbone is not None and catalogue.get(given.backbone).name != chosen:
        raise BadInput(
            _("The run has another backbone."), given=f"{chosen}, {given.backbone}"[:80],
            fix=_("Leave --backbone out: the run's is taken."),
        )
    return going_on_from(plan, folder)


def _start(word: str, backbone: Backbone, workspace: Workspace) -> Start:
    if word in WEIGHTS_WORDS:
        return asked_for(backbone, word)
    return adopt_path(workspace, backbone.name, word)


def _overridden(
    part: _Part, declared: tuple[fields.Field, ...], given: argparse.Namespace,
) -> _Part:
    asked = {each.name: getattr(given, each.name) for each in declared}
    changes = {name: value for name, value in asked.items() if value is not None}
    return replace(part, **changes)
