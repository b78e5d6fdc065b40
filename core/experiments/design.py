"""What an experiment would run, before anything is started; no TensorFlow is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.errors import BadInput
from core.experiments import variants
from core.experiments.checks import require_pretrained, require_validation
from core.experiments.sizes import default_sizes, mean_a_class, sizes_checked
from core.i18n import _
from core.runs.folder import RunFolder
from core.runs.listing import Listed, listed
from core.runs.status import State
from core.runs.work import evaluation_of
from core.training.counts import block_title, learning_in
from core.training.plan import Plan
from core.workspace import Workspace

KINDS = ("data-size", "blocks", "seeds", "backbones", "controls")
DATA_SIZE, BLOCKS, SEEDS, BACKBONES, CONTROLS = KINDS
TRANSFER, SCRATCH, HEAD, ALL, SEED = "transfer", "scratch", "head", "all", "seed"
MOST_SEEDS, MOST_RUNS, MOST_BACKBONES = 20, 120, 20
VERIFIED = 2
"""How many backbones of a ranking are trained for real in the end."""


@dataclass(frozen=True)
class Planned:
    """One run of an experiment.

    Attributes:
        role: What it is there for: ``transfer``, ``scratch``, ``head``, ``all``, ``seed``, or the name of a
            block or a backbone.
        x: Training photos a class on average, where that is what the plot goes by; else ``None``.
        seed: Its seed.
        plan: What it carries out.
        run: The id of an earlier run that serves, so that this one is not carried out; else empty.
    """

    role: str
    x: float | None
    seed: int
    plan: Plan
    run: str = ""


@dataclass(frozen=True)
class Design:
    """What an experiment runs.

    Attributes:
        kind: One of :data:`KINDS`.
        title: What it is called; it holds the dataset's title, which is text from outside.
        plan: What it was made of.
        members: Its runs, in the order in which they are carried out.
        base_run: The run that controls are made for; else empty.
    """

    kind: str
    title: str
    plan: Plan
    members: tuple[Planned, ...]
    base_run: str = ""

    @property
    def to_run(self) -> int:
        """How many runs it makes at first; a ranking of backbones adds up to two in the end."""
        return sum(not each.run for each in self.members)


def data_size(
    plan: Plan, dataset: Dataset, *, sizes: Sequence[int] | None = None, seeds: int = 3
) -> Design:
    """Plan accuracy against the amount of data: transfer, and from scratch with the same budget.

    Args:
        plan: What transfers.
        dataset: Its photos.
        sizes: Training photos a class at the most; ``None`` for five from a few up to all there are, even on
            a log scale. A class that has fewer gives what it has, so ``x`` of a member is the mean.
        seeds: How many seeds each is repeated with, 1 to 20; a seed draws its own photos too.

    Raises:
        BadInput: The plan itself starts from scratch, or a number is outside its bounds.
    """
    plan = _on(plan, dataset)
    require_pretrained(plan)
    limited = variants.limited(plan, dataset)
    chosen = default_sizes(limited) if sizes is None else sizes_checked(sizes, limited)
    members = []
    # Seed by seed: where it is cancelled, a few whole curves are worth more than one good point.
    for seed in _seeds(plan, seeds):
        for size in chosen:
            x = mean_a_class(limited, size)
            for role, of_role in ((TRANSFER, plan), (SCRATCH, variants.from_scratch(plan))):
                fewer = replace(variants.with_seed(of_role, seed), train_per_class=size)
                members.append(Planned(role, x, seed, fewer))
    return _design(DATA_SIZE, plan, members)


def blocks(plan: Plan, dataset: Dataset, *, seeds: int = 1) -> Design:
    """Plan one run a block in which that block alone learns with the head, and one of the head alone.

    Args:
        plan: How they learn; a rate that is too high for pretrained blocks is made gentler, and then the
            head, which needs the high one, goes first.
        dataset: The photos.
        seeds: How many seeds each is repeated with, 1 to 20.

    Raises:
        BadInput: The plan starts from scratch, a number is outside its bounds, or there is no validation
            photo to choose by.
    """
    plan = replace(_on(plan, dataset), test_at_end=False)
    require_pretrained(plan)
    require_validation(dataset, _("These photos have no validation part to choose a block by."))
    names = [
        block.name for block in catalogue.get(plan.backbone).blocks
        if learning_in([block], norms=plan.norms_learn)
    ]
    variety = [(HEAD, variants.head_alone(plan))]
    variety += [(name, variants.with_blocks(plan, (name,))) for name in names]
    return _design(BLOCKS, plan, [
        Planned(role, None, seed, variants.with_seed(of_role, seed))
        for seed in _seeds(plan, seeds) for role, of_role in variety
    ])


def seeds(plan: Plan, dataset: Dataset, *, seeds: int = 5) -> Design:
    """Plan the same run with other seeds.

    Args:
        plan: What is repeated; its own seed is the first.
        dataset: The photos.
        seeds: How many, 1 to 20.

    Raises:
        BadInput: A number is outside its bounds.
    """
    plan = _on(plan, dataset)
    return _design(SEEDS, plan, [
        Planned(SEED, None, seed, variants.with_seed(plan, seed)) for seed in _seeds(plan, seeds)
    ])


def backbones(plan: Plan, dataset: Dataset, *, names: Sequence[str]) -> Design:
    """Plan a linear probe on what each backbone sees; the best two are trained for real in the end.

    Args:
        plan: Where photos, limits, seed and batch size come from.
        dataset: The photos.
        names: Backbones by name, two to 20 different ones.

    Raises:
        NotFound: There is no such backbone.
        BadInput: There are too few or too many, or there is no validation photo to rank by.
    """
    plan = _on(plan, dataset)
    found = list(dict.fromkeys(catalogue.get(name).name for name in names))
    if not 2 <= len(found) <= MOST_BACKBONES:
        raise BadInput(
            _("A ranking needs several backbones."), given=", ".join(found)[:80],
            fix=_("Choose 2 to {most} different ones.").format(most=MOST_BACKBONES),
        )
    require_validation(dataset, _("These photos have no validation part to rank backbones by."))
    return _design(BACKBONES, plan, [
        Planned(name, None, plan.recipe.seed, variants.probe(plan, name)) for name in found
    ])


def controls(workspace: Workspace, run_id: str) -> Design:
    """Plan what a run is compared with: from scratch, the head alone, everything learning.

    All with its budget: epochs, batch size, photos and seed. A control that the run itself is, or that an
    earlier finished run with the same plan is already, is not run again.

    Raises:
        NotFound: There is no such run.
        BadInput: The run has not finished, or its plan is damaged.
    """
    folder = RunFolder.open(workspace, run_id)
    if folder.status().state is not State.FINISHED:
        raise BadInput(
            _("This run has not finished."), given=folder.id,
            fix=_("Wait until it has, or resume it; then run its controls."),
        )
    plan = folder.plan()
    measured = evaluation_of(folder) is not None
    # Where nobody has looked at the run's test photos, its controls are compared on validation too.
    based = replace(plan, test_at_end=measured)
    known = [run for run in listed(workspace) if run.status.state is State.FINISHED]
    members = [
        Planned(role, None, plan.recipe.seed, control, _serving(folder, role, control, known))
        for role, control in (
            (SCRATCH, variants.from_scratch(based)), (HEAD, variants.head_alone(based)),
            (ALL, variants.with_blocks(based, catalogue.get(plan.backbone).block_names)),
        )
    ]
    return replace(_design(CONTROLS, based, members), base_run=folder.id)


def name_of(kind: str, planned: Planned) -> str:
    """Return what a run of an experiment is called in lists."""
    seed = _("seed {n}").format(n=planned.seed)
    role = role_title(kind, planned.role)
    if kind == DATA_SIZE and planned.x is not None:
        return _("{amount}, {role}, {seed}").format(
            amount=amount_text(planned.x), role=role.lower(), seed=seed)
    if kind == SEEDS:
        return seed.capitalize()
    if kind == BACKBONES:
        trained = planned.plan.trainable or planned.plan.test_at_end
        return (_("Trained: {role}") if trained else _("Probe: {role}")).format(role=role)
    if kind == CONTROLS:
        return _("Control: {role}").format(role=role.lower())
    return _("{role}, {seed}").format(role=role, seed=seed)


def role_title(kind: str, role: str) -> str:
    """Return what a member is there for, in words."""
    if kind == BACKBONES:
        return catalogue.get(role).title
    known = {
        TRANSFER: _("Transfer"), SCRATCH: _("From scratch"), HEAD: _("Head only"),
        ALL: _("Everything learns"), SEED: _("Seeds"),
    }
    return known.get(role) or block_title(role)


def amount_text(x: float) -> str:
    """Return photos a class in words; a mean that is no whole number says that it is about one."""
    whole = round(x)
    if abs(x - whole) < 0.05:
        return _("{n:,} a class").format(n=whole)
    return _("about {n:,} a class").format(n=whole if x >= 10 else round(x, 1))


def _on(plan: Plan, dataset: Dataset) -> Plan:
    return replace(plan, dataset=dataset.id, dataset_title=dataset.title).checked()


def _design(kind: str, plan: Plan, members: Sequence[Planned]) -> Design:
    if len(members) > MOST_RUNS:
        raise BadInput(
            _("An experiment of so many runs cannot be started."), given=str(len(members)),
            fix=_("Choose fewer sizes or seeds, for {most} runs at the most.").format(most=MOST_RUNS),
        )
    checked = tuple(replace(each, plan=each.plan.checked()) for each in members)
    return Design(kind, title_of(kind, plan), plan, checked)


def title_of(kind: str, plan: Plan) -> str:
    """Return what an experiment is called; it holds the dataset's title, which is text from outside."""
    backbone, photos = catalogue.get(plan.backbone).title, plan.dataset_title
    texts = {
        DATA_SIZE: _("Amount of data: {backbone} on {photos}"),
        BLOCKS: _("One block at a time: {backbone} on {photos}"),
        SEEDS: _("Seeds: {backbone} on {photos}"),
        BACKBONES: _("Backbones on {photos}"),
        CONTROLS: _("Controls: {backbone} on {photos}"),
    }
    return texts[kind].format(backbone=backbone, photos=photos)


def _seeds(plan: Plan, count: int) -> range:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_SEEDS:
        raise BadInput(
            _("So many seeds cannot be run."), given=str(count)[:20],
            fix=_("Choose a whole number from 1 to {most}.").format(most=MOST_SEEDS),
        )
    return range(plan.recipe.seed, plan.recipe.seed + count)


def _serving(base: RunFolder, role: str, control: Plan, known: Sequence[Listed]) -> str:
    """Return the run that is this control already; empty where there is none."""
    if variants.is_control(base.plan(), role):
        return base.id
    wanted = variants.as_compared(control)
    for run in known:
        if variants.as_compared(run.plan) == wanted and (
            not control.test_at_end or evaluation_of(run.folder) is not None
        ):
            return run.id
    return ""
