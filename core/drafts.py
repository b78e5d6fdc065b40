"""What a person has chosen so far, kept for each browser so that it survives a refresh."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from core.backbones import catalogue
from core.errors import BadInput
from core.files import JsonObject, read_json, write_json
from core.training.plan import Head, Plan, Recipe
from core.training.start import RANDOM, Ancestor, Start
from core.workspace import Workspace, is_id

DEFAULT_BACKBONE = "efficientnet-lite0"
_BROWSER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Draft:
    """The choices on the way to a training.

    Attributes:
        dataset: The chosen dataset's id; empty before there is one.
        dataset_title: Its title; text from outside.
        job: The intake that is going on or has just ended; empty where there is none.
        backbone: The chosen backbone.
        trainable: The blocks that may learn.
        head: What is put on the backbone.
        recipe: How the training goes.
        model_seen: Whether the Model page has been visited.
        run: The run being looked at; empty for the newest.
        weights: What the backbone starts from.
        image_size: Edge of the images in pixels; ``None`` for the backbone's own.
        history: The runs that the backbone has been through.
        cache: Whether what the frozen part makes of each photo is kept and used again.
    """

    dataset: str = ""
    dataset_title: str = ""
    job: str = ""
    backbone: str = DEFAULT_BACKBONE
    trainable: tuple[str, ...] = ()
    head: Head = field(default_factory=Head)
    recipe: Recipe = field(default_factory=Recipe)
    model_seen: bool = False
    run: str = ""
    weights: Start = field(default_factory=Start)
    image_size: int | None = None
    history: tuple[Ancestor, ...] = ()
    cache: bool = True

    def plan(self) -> Plan:
        """Return the plan that these choices make; raises BadInput where they do not fit."""
        return Plan(
            dataset=self.dataset, dataset_title=self.dataset_title, backbone=self.backbone,
            trainable=self.trainable, head=self.head, recipe=self.recipe, weights=self.weights,
            image_size=self.image_size, history=self.history, cache=self.cache,
        ).checked()

    def with_backbone(self, name: str) -> Draft:
        """Choose another backbone with its own weights and image size.

        A member of the same family keeps what may learn; in another the head alone learns.
        """
        chosen = catalogue.get(name)
        return replace(
            self, backbone=chosen.name, weights=Start(), image_size=None, history=(),
            trainable=catalogue.blocks_kept(self.trainable, catalogue.get(self.backbone), chosen),
        )

    def with_weights(self, start: Start) -> Draft:
        """Choose what the backbone starts from.

        From scratch every block has to learn; back from there, the head alone.
        """
        blocks = self.trainable
        if start.source == RANDOM:
            blocks = catalogue.get(self.backbone).block_names
        elif self.weights.source == RANDOM:
            blocks = ()
        return replace(self, weights=start, history=(), trainable=blocks)

    def planned(self, plan: Plan) -> Draft:
        """Choose what a plan says of model and training; the photos stay."""
        return replace(
            self, backbone=plan.backbone, trainable=plan.trainable, head=plan.head, recipe=plan.recipe,
            weights=plan.weights, image_size=plan.image_size, history=plan.history, cache=plan.cache,
        )


def of_plan(plan: Plan) -> Draft:
    """Return the choices that lead to a plan."""
    return Draft(dataset=plan.dataset, dataset_title=plan.dataset_title).planned(plan)


def load(workspace: Workspace, browser: str) -> Draft:
    """Return what a browser has chosen; the defaults where it is new or its file is damaged."""
    if not is_browser(browser):
        return Draft()
    try:
        return _from_json(read_json(workspace.browsers / f"{browser}.json"))
    except BadInput:
        return Draft()


def save(workspace: Workspace, browser: str, draft: Draft) -> None:
    """Keep what a browser has chosen; a browser without a name of ours keeps nothing."""
    if not is_browser(browser):
        return
    plan = draft.plan().to_json()
    extra = {"job": draft.job, "model_seen": draft.model_seen, "run": draft.run}
    write_json(workspace.browsers / f"{browser}.json", {"plan": plan, **extra}, durable=False)


def is_browser(name: str) -> bool:
    """Tell whether ``name`` is one that the server gave a browser: 32 hex digits."""
    return _BROWSER.fullmatch(name) is not None


def _from_json(given: JsonObject) -> Draft:
    plan = given.get("plan")
    planned = Plan.from_json(plan if isinstance(plan, dict) else {})
    if planned.dataset and not is_id(planned.dataset):
        raise BadInput("The kept choices are damaged.", given=planned.dataset[:80])
    return replace(
        of_plan(planned), job=str(given.get("job", "")), run=str(given.get("run", "")),
        model_seen=given.get("model_seen") is True,
    )
