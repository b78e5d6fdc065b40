"""The pages by name: where each one is, what it is called, which group it stands in."""

from __future__ import annotations

from dataclasses import dataclass

from core.i18n import _


@dataclass(frozen=True)
class Place:
    """One page of the app.

    Attributes:
        name: Its name in the journey, and its address but for the start page.
        title: What it is called in the sidebar.
        icon: The Material symbol while it is open and not done.
        group: The heading it stands under.
    """

    name: str
    title: str
    icon: str
    group: str

    @property
    def script(self) -> str:
        """The page's file, relative to the shell."""
        return f"{self.name}.py"

    @property
    def address(self) -> str:
        """Its ``url_path``; the start page's is empty."""
        return "" if self.name == "start" else self.name


PLACES = {
    place.name: place
    for place in (
        Place("start", _("Start"), "home", _("Prepare")),
        Place("data", _("Data"), "photo_library", _("Prepare")),
        Place("model", _("Model"), "layers", _("Prepare")),
        Place("train", _("Train"), "local_fire_department", _("Work")),
        Place("evaluate", _("Evaluate"), "target", _("Work")),
        Place("predict", _("Predict"), "center_focus_weak", _("Work")),
        Place("take_away", _("Take away"), "archive", _("Work")),
        Place("compare", _("Compare"), "stacked_line_chart", _("Understand")),
        Place("experiments", _("Experiments"), "science", _("Understand")),
        Place("workspace", _("Workspace"), "folder_open", _("Manage")),
    )
}
