"""The address that programs ask a run's model at: an image in, its likeliest classes out, as JSON."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core import service
from core.data.images import load_array
from core.data.receive_batch import TooMuch
from core.errors import BadInput, NotFound, ThawError
from core.files import JsonObject
from core.i18n import _
from core.runs.folder import RunFolder, require_model
from core.runs.named import run_named
from core.runs.seen import about_seen, plan_of
from pages.web.form import file_of_form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.insight.answering import Answering

PREFIX = "/api/"
LIMIT_BYTES = 20 * 2**20
TOP = 5
MOST_TOP = 1000
# Each decodes one photo, which may take 240 MB, and asks the network, which takes both cores.
AT_ONCE = 2
_FORM = "multipart/form-data"
_RAW = ("", "application/octet-stream")
_ASKED = ("top", "threshold", "calibrated")
_DRAINED_BYTES = 4 * LIMIT_BYTES
_DRAINED_S = 10.0
_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()


class OtherContent(BadInput):
    """The body of a request is of a kind that is not read here."""


@dataclass(frozen=True)
class Asked:
    """How a program wants its answer.

    Attributes:
        top: How many classes, from 1.
        threshold: 0 to 1; below it the model says that it is not sure.
        calibrated: Whether the probabilities are those after temperature scaling.
    """

    top: int = TOP
    threshold: float = 0.0
    calibrated: bool = False


def predict_url(run_id: str) -> str:
    """Return the address under which programs ask a run's model."""
    return f"{PREFIX}runs/{run_id}/predict"


async def predict(request: Request) -> Response:
    """POST /api/runs/{run}/predict: say what an image shows.

    The image is a file of a form (multipart/form-data) or the body itself; ``?top=5&threshold=0.8``.
    """
    if request.method != "POST":
        return _refused(
            405, BadInput(_("This address is asked with POST."), given=request.method[:20],
                          fix=_("Send an image with it, as the page Predict shows.")), allow="POST")
    pieces = request.stream()
    try:
        asked = _asked(request.query_params)
        as_form = _as_form(request)
        folder = await to_thread.run_sync(_run, request.path_params["run"])
        body = await _body(request, pieces)
        form = request.headers["content-type"] if as_form else ""
        answer = await to_thread.run_sync(_answer, folder, body, form, asked, limiter=_limiter())
    except OtherContent as error:
        await _drain(request, pieces)
        return _refused(415, error)
    except ThawError:
        await _drain(request, pieces)
        raise
    except ClientDisconnect:
        return Response(status_code=499)  # nobody is there to be answered
    return JSONResponse(answer, headers={"cache-control": "no-store"})


def _asked(given: Mapping[str, str]) -> Asked:
    unknown = sorted(set(given) - set(_ASKED))
    if unknown:
        raise BadInput(
            _("There is no such parameter here."), given=unknown[0][:80],
            fix=_("There are {names}.").format(names=", ".join(_ASKED)))
    return Asked(
        _top(given.get("top", str(TOP))), _threshold(given.get("threshold", "0")),
        _yes(given.get("calibrated", "0")))


def _top(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_TOP and len(text) < 9:
        return int(text)
    raise BadInput(
        _("“top” is how many classes are wanted."), given=text[:80],
        fix=_("Give a whole number from 1 to {most}.").format(most=MOST_TOP))


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value <= 1:
        return value
    raise BadInput(
        _("“threshold” is how sure the model has to be."), given=text[:80],
        fix=_("Give a number from 0 to 1."))


def _yes(text: str) -> bool:
    if text.lower() in ("0", "1", "false", "true"):
        return text.lower() in ("1", "true")
    raise BadInput(
        _("“calibrated” is whether the probabilities are calibrated."), given=text[:80],
        fix=_("Give 1 or 0."))


def _as_form(request: Request) -> bool:
    """Tell whether the image is in a form; raises OtherContent for what is neither form nor image."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = request.headers.get("content-encoding", "identity").lower() != "identity"
    if packed or not (kind == _FORM or kind in _RAW or kind.startswith("image/")):
        raise OtherContent(
            _("This is no kind of content that an image is sent as."),
            given=(request.headers["content-encoding"] if packed else kind)[:80], fix=_how())
    return kind == _FORM


def _how() -> str:
    return _("Send the image as a form (curl -F file=@photo.jpg), or as the body with its type "
             "(curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg).")


def _run(word: str) -> RunFolder:
    folder = run_named(service.current().workspace, word)
    try:
        require_model(folder)
    except BadInput as error:
        raise NotFound(error.what, given=error.given, fix=error.fix) from error
    return folder


async def _body(request: Request, pieces: AsyncIterator[bytes]) -> bytes:
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > LIMIT_BYTES:
        raise _too_large()
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > LIMIT_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> TooMuch:
    return TooMuch(
        _("One request may carry {most} MB.").format(most=LIMIT_BYTES // 2**20),
        fix=_("Send a smaller picture: the model sees it at a few hundred pixels anyway."))


def _answer(folder: RunFolder, body: bytes, form: str, asked: Asked) -> JsonObject:
    from core.insight.confidence import tempered
    from core.insight.predict import likeliest
    from core.insight.sureness import is_sure

    image = file_of_form(form, body) if form else body
    if not image:
        raise BadInput(_("There is no image in this request."), fix=_how())
    temperature = _temperature(folder) if asked.calibrated else 1.0
    with _ready(folder.model) as ask:
        photo = _photo(image, ask.model.size)
        chances = tempered(ask(photo[None])[0], temperature)
    found = likeliest(ask.model.classes, chances, asked.top)
    sure = is_sure(chances, asked.threshold)
    plan = plan_of(folder)
    return {
        "run": folder.id,
        "title": about_seen(folder).title,
        "model": {"backbone": plan.backbone, "dataset": plan.dataset_title,
                  "classes": len(ask.model.classes), "size": ask.model.size},
        "says": found[0].name if sure else None,
        "sure": sure,
        "threshold": asked.threshold,
        "calibrated": asked.calibrated,
        "predictions": [{"class": each.name, "probability": each.probability} for each in found],
    }


def _photo(image: bytes, size: int) -> NDArray[np.uint8]:
    try:
        return load_array(io.BytesIO(image), size)
    except BadInput as error:
        raise BadInput(error.what, given=error.given, fix=error.fix or _(
            "Send a JPEG, a PNG or another usual image file that opens in other programs.")) from error


@contextmanager
def _ready(path: Path) -> Iterator[Answering]:
    """Hold the run's model; one that cannot be read is none."""
    from core.insight.answering import answering

    with ExitStack() as held:
        try:
            ask = held.enter_context(answering(path))
        except BadInput as error:
            raise NotFound(error.what, given=error.given, fix=error.fix) from error
        yield ask


def _temperature(folder: RunFolder) -> float:
    from core.studies.evaluating import kept_temperature

    found = kept_temperature(folder)
    if found is None:
        raise BadInput(
            _("This model has not been calibrated."), given=folder.id,
            fix=_("Calibrate it on the page Evaluate, or ask without “calibrated”."))
    return found


def _limiter() -> CapacityLimiter:
    # NOTE: it belongs to the event loop that it is first used in.
    loop = asyncio.get_running_loop()
    if loop not in _limiters:
        _limiters[loop] = CapacityLimiter(AT_ONCE)
    return _limiters[loop]


async def _drain(request: Request, pieces: AsyncIterator[bytes]) -> None:
    """Read what is still being sent: who sends it would see a broken connection, not the answer."""
    if request.headers.get("expect", "").lower() == "100-continue":
        return  # nothing is sent before it is asked for, and what was begun is small
    thrown_away = 0
    try:
        async with asyncio.timeout(_DRAINED_S):
            async for piece in pieces:
                thrown_away += len(piece)
                if thrown_away > _DRAINED_BYTES:
                    return
    except (TimeoutError, ClientDisconnect):
        return


def _refused(status: int, error: ThawError, **headers: str) -> JSONResponse:
    return JSONResponse(error.to_json(), status, {"cache-control": "no-store", **headers})
