"""Whole recipes: one choice that sets what learns, when and how fast, with where it comes from."""

from __future__ import annotations

import re

import streamlit as st

from core.backbones import catalogue
from core.drafts import Draft
from core.i18n import _, ngettext
from core.training import fields as bounds
from core.training.counts import block_title
from core.training.plan import Plan
from core.training.presets import ALL_BLOCKS, NO_BLOCKS, PRESETS, Preset, preset_in
from pages.ui import fields, state
from pages.ui.escape import plain
from pages.ui.options import Option, options
from pages.ui.start_from import follow_backbone, forget_size

_OWN = "own_settings"
_ADDRESS = re.compile(r"(?P<words>.*?),? (?P<address>https://[^\s;]+)(?P<more>.*)")


def recipe_choice(draft: Draft) -> None:
    """Show the recipes, which of them the draft follows, and keep the one that is chosen."""
    st.subheader(_("Recipe"), anchor=False)
    now = preset_in(draft.plan())
    options(
        [Option(each.name, each.title, gist(each)) for each in PRESETS.values()],
        "" if now is None else now.name, key="recipes", label=_("Recipe"), on_change=use_recipe,
    )
    # A choice that was heard just now has changed the draft.
    now = preset_in(state.draft().plan())
    if now is None:
        st.markdown(_("**Your own.** The settings follow none of these to the letter. A recipe sets blocks, "
                      "rates and stages at once; your photos stay."))
        return
    st.markdown(f"{now.description} {source_text(now.source)}")
    if _OWN in st.session_state:
        st.button(_("Back to your own settings"), type="tertiary", icon=":material/undo:",
                  on_click=_back_to_own)


def use_recipe(name: str) -> None:
    """Let the draft follow a recipe, and all controls, those of other pages too, follow the draft."""
    draft = state.draft()
    plan = draft.plan()
    if preset_in(plan) is None:
        st.session_state[_OWN] = plan
    state.keep(draft.planned(PRESETS[name].applied(plan)))
    forget_controls()


def forget_controls() -> None:
    """Let the controls show the draft again, after something has changed it all."""
    follow_backbone()
    forget_size()
    fields.forget((*bounds.HEAD_FIELDS, *bounds.RECIPE_FIELDS))


def gist(preset: Preset) -> str:
    """Return in a few words what a recipe lets learn, and for how long."""
    count = preset.recipe.epochs
    if preset.recipe.method == "gradual":
        # There are as many as the chosen blocks need.
        n = preset.recipe.stage_epochs
        return ngettext("{n} epoch a block", "{n} epochs a block", n).format(n=n)
    epochs = ngettext("{n} epoch", "{n} epochs", count).format(n=count)
    return _("{what}, {epochs}").format(what=_what(preset), epochs=epochs)


def source_text(source: str) -> str:
    """Return where a recipe comes from as Markdown, a link where there is an address."""
    found = _ADDRESS.fullmatch(source)
    if found is None:
        return plain(source, 200)
    return f"[{plain(found['words'], 200)}]({found['address']}){plain(found['more'], 200)}."


def _what(preset: Preset) -> str:
    if preset.backbone is not None:
        title = catalogue.get(preset.backbone).title
        return _("{backbone}, {block} and head").format(backbone=title, block=block_title(preset.blocks))
    if preset.blocks == NO_BLOCKS:
        return _("Head only")
    if preset.blocks == ALL_BLOCKS:
        return _("Everything")
    if preset.recipe.method == "lp-ft":
        return _("Head, then chosen blocks")
    return _("Chosen blocks and head")


def _back_to_own() -> None:
    own = st.session_state.pop(_OWN, None)
    if not isinstance(own, Plan):
        return
    state.keep(state.draft().planned(own))
    forget_controls()
