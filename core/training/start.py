"""Which weights a backbone starts from, and which runs it has been through before."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from core.backbones import stored
from core.backbones.catalogue import Backbone
from core.backbones.stored import is_weights_name
from core.errors import BadInput
from core.files import JsonObject
from core.i18n import _
from core.workspace import is_id

PRETRAINED, RANDOM = stored.PRETRAINED, stored.RANDOM
FILE, RUN = "file", "run"
SOURCES = (PRETRAINED, RANDOM, FILE, RUN)
LONGEST_HISTORY = 100


@dataclass(frozen=True)
class Start:
    """Where a backbone's weights come from.

    Attributes:
        source: ``pretrained`` (ImageNet, from the pip package or Keras' cache), ``none`` (random: from
            scratch), ``file`` (one of the workspace's weight files) or ``run`` (a finished run).
        name: The file's name in the workspace, or the run's id; else empty.
    """

    source: str = PRETRAINED
    name: str = ""

    def check(self) -> None:
        """Raise BadInput where this is no start that could be named."""
        if not self._can_be_named():
            raise BadInput(
                _("The weights to start from cannot be read."),
                given=f"{self.source!r} {self.name!r}"[:80],
                fix=_("Choose pretrained weights, none, a file or a finished run."),
            )

    def _can_be_named(self) -> bool:
        if not isinstance(self.source, str) or not isinstance(self.name, str):
            return False
        if self.source == FILE:
            return is_weights_name(self.name)
        if self.source == RUN:
            return is_id(self.name)
        return self.source in SOURCES and self.name == ""


@dataclass(frozen=True)
class Ancestor:
    """A run that the backbone has been through.

    Attributes:
        run: Its id.
        dataset_title: What it was trained on; text from outside.
        trainable: The blocks that learned then.
        source: Where its own weights came from, as in :class:`Start`.
    """

    run: str
    dataset_title: str
    trainable: tuple[str, ...]
    source: str

    @classmethod
    def from_json(cls, given: object) -> Ancestor:
        """Read one from a JSON object; raises BadInput where it is none."""
        if isinstance(given, dict) and set(given) == {"run", "dataset_title", "trainable", "source"}:
            blocks = given["trainable"]
            texts = [given["run"], given["dataset_title"], given["source"]]
            if isinstance(blocks, list | tuple) and all(
                isinstance(each, str) for each in (*texts, *blocks)
            ) and is_id(given["run"]) and given["source"] in SOURCES:
                return cls(given["run"], given["dataset_title"], tuple(blocks), given["source"])
        raise BadInput(_("The history of a plan cannot be read."), given=repr(given)[:80])

    def to_json(self) -> JsonObject:
        """Return it as a JSON object."""
        return asdict(self)


def asked_for(backbone: Backbone, word: str) -> Start:
    """Read ``packaged``, ``imagenet``, ``pretrained`` or ``none`` as a start of that backbone.

    Raises:
        BadInput: This backbone's ImageNet weights come in the other way, or the word is none of these.
    """
    if word in (PRETRAINED, backbone.pretrained):
        return Start()
    if word == RANDOM:
        return Start(RANDOM)
    raise BadInput(
        _("{backbone} has no such weights.").format(backbone=backbone.title), given=word[:80],
        fix=_("Choose {own} or none, or give the path of a weight file.").format(
            own=backbone.pretrained),
    )
