"""The command ``audit``: what is wrong with photos, before anything is trained on them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from core.backbones import catalogue
from core.cli import commands, options
from core.cli.options import Groups
from core.cli.progress import Bar
from core.data.dataset import Dataset
from core.data.records import Item
from core.drafts import DEFAULT_BACKBONE
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _, ngettext
from core.insight.audit import MOST, Audit
from core.studies.auditing import audited, backbone_features
from core.training.plan import Plan
from core.words import one_line

ABOUT = _("Look for near-duplicates, labels that are likely wrong and photos unlike the others. Ctrl-C "
          "leaves.")
_ROWS = 20


def declare(groups: Groups) -> None:
    """Declare the command."""
    each = options.command(groups, "audit", audit, show_audit, ABOUT)
    each.add_argument("source", metavar=options.PHOTOS)
    each.add_argument(
        "--backbone", metavar="NAME",
        help=_("whose features they are judged by; efficientnet-lite0 unless told"))
    options.workspace(each)


def audit(given: argparse.Namespace) -> JsonObject:
    """Take the photos in and audit them; what is found is printed and not kept.

    Raises:
        BadInput: The photos cannot be taken in, or there are none.
        NotFound: There is no such backbone.
        Unavailable: Its weights are not on this machine and cannot be fetched.
    """
    backbone = catalogue.get(given.backbone or DEFAULT_BACKBONE)
    workspace = commands.workspace_of(given.workspace)
    dataset = commands.taken_in(given.source, workspace, commands.anything)
    if not dataset.items:
        raise BadInput(_("This dataset has no such photos."), given=dataset.title[:80])
    plan = Plan(dataset.id, dataset.title, backbone.name).checked()
    with Bar() as bar:
        found = audited(dataset, backbone_features(dataset, plan, bar), bar)
    return answer(dataset, backbone.name, found)


def answer(dataset: Dataset, backbone: str, found: Audit) -> JsonObject:
    """Return what ``--json`` prints: the findings, with the names that the files had."""
    known = {item.path: item for item in dataset.items}

    def photo(path: str) -> JsonObject:
        item: Item = known[path]
        return {"image": item.name, "label": dataset.classes[item.label], "split": item.split}

    def companion(path: str | None) -> JsonObject | None:
        return None if path is None else photo(path)

    return {
        "dataset": dataset.id, "title": dataset.title, "images": found.images, "backbone": backbone,
        "near_duplicates": {
            "found": found.twins_found, "across_splits": found.across,
            "may_be_more": found.more_twins, "agreement_at_least": found.bound,
            "pairs": [
                {"photos": [photo(each.first), photo(each.second)], "similarity": each.similarity,
                 "agreement": each.agreement} for each in found.twins
            ],
        },
        "label_errors": {
            "found": found.mislabelled_found, "looked_at": found.asked, "agrees_with_labels": found.right,
            "photos": [
                {**photo(each.image), "looks_like": dataset.classes[each.looks_like],
                 "of_label": each.of_label, "of_other": each.of_other,
                 "nearest_of_label": companion(each.near_label),
                 "nearest_of_other": companion(each.near_other)} for each in found.mislabelled
            ],
        },
        "outliers": {
            "found": found.strange_found,
            "photos": [
                {**photo(each.image), "unlike": "all" if each.everywhere else "class",
                 **{name: asdict(each)[name] for name in ("distance", "usual")},
                 "typical": companion(each.typical),
                 "nearest_of_label": companion(each.near)} for each in found.strange
            ],
        },
    }


def show_audit(said: JsonObject) -> str:
    """The findings, the first of each kind by name."""
    twins, wrong, strange = (_part(said[name]) for name in ("near_duplicates", "label_errors", "outliers"))
    lines = [
        _("{images:,} photos looked at, by the features of {backbone} with its pretrained weights").format(
            images=said["images"], backbone=said["backbone"]),
        _twins_count(twins),
    ]
    lines += _rows(twins["pairs"], twins["found"], _twins_line)
    lines.append(_("labels likely wrong: {found:,} of {looked_at:,} photos").format(**wrong))
    if wrong["agrees_with_labels"] is not None:
        lines.append("  " + _(
            "by a linear model that has not learned from the photo, and agrees with {share:.1%} of the "
            "labels: the lower that is, the more of these are its own mistakes").format(
                share=wrong["agrees_with_labels"]))
    lines += _rows(wrong["photos"], wrong["found"], _wrong_line)
    lines.append(ngettext(
        "unlike the others: {found:,} photo", "unlike the others: {found:,} photos", strange["found"]
    ).format(**strange))
    lines += _rows(strange["photos"], strange["found"], _strange_line)
    return "\n".join(lines)


def _rows(found: list[dict[str, Any]], count: int, line: Callable[[dict[str, Any]], str]) -> list[str]:
    lines = ["  " + line(each) for each in found[:_ROWS]]
    if count > _ROWS:
        lines.append("  " + _("… and {n:,} more; --json tells up to {most}").format(
            n=count - _ROWS, most=MOST))
    return lines


def _twins_count(twins: dict[str, Any]) -> str:
    if twins["may_be_more"]:
        return _("near-duplicates: at least {found:,} pairs, {across_splits:,} of them across splits").format(
            **twins)
    return ngettext(
        "near-duplicates: {found:,} pair, {across_splits:,} across splits",
        "near-duplicates: {found:,} pairs, {across_splits:,} of them across splits", twins["found"],
    ).format(**twins)


def _twins_line(each: dict[str, Any]) -> str:
    one, other = each["photos"]
    return _("{one} ({split}) = {other} ({other_split}), agree {agreement:.3f}").format(
        one=_name(one), split=one["split"], other=_name(other), other_split=other["split"],
        agreement=each["agreement"])


def _wrong_line(each: dict[str, Any]) -> str:
    return _("{image} ({split}): labelled {label}, looks like {other}, {sure:.0%}").format(
        image=_name(each), split=each["split"], label=one_line(each["label"]),
        other=one_line(each["looks_like"]), sure=each["of_other"])


def _strange_line(each: dict[str, Any]) -> str:
    words = (
        _("{image} ({split}): unlike all photos") if each["unlike"] == "all"
        else _("{image} ({split}): unlike the photos of {label}"))
    return words.format(image=_name(each), split=each["split"], label=one_line(each["label"]))


def _name(photo: dict[str, Any]) -> str:
    return one_line(photo["image"])


def _part(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
