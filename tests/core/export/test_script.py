"""The text of a script: it is whole, holds what its plan needs and no more, and runs nothing from outside."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.export.script import script_text
from core.export.script_facts import Body, Facts, constructor_of
from core.export.script_head import literal
from core.export.script_network import NOT_DECAYED
from core.training import optimizer
from core.training.plan import Head, Plan, Recipe
from core.training.start import RANDOM, Start

ROOT = Path(__file__).resolve().parents[3]
PHOTOS = {"train": 16, "validation": 4, "test": 4}
ALLOWED = {"csv", "hashlib", "math", "sys", "pathlib", "keras", "numpy", "PIL"}
BLOCKS = {"block6": "block6", "block7": "block7", "top": "top_"}
HOSTILE = (
    '"""\nimport os; os.system("touch /tmp/pwned")\n\\\'"""; open("/tmp/pwned", "w")'
    '  #\u2028x\r\nraise SystemExit'
)
PLAN = Plan("colours", "colours", "efficientnet-lite0", head=Head(dropout=0.0))
EVERYTHING = replace(
    PLAN, trainable=("block6", "block7", "top"), head=Head("max", 0.3, 16),
    recipe=Recipe(
        epochs=9, method="gradual", stage_epochs=2, lr_factor=0.5, schedule="cosine", warmup=1,
        early_stopping=3, class_weights=True, label_smoothing=0.1, weight_decay=0.01, augment="strong",
        norms="updating", optimizer="sgd"),
)


def facts(plan: Plan = PLAN, **changes: object) -> Facts:
    body = Body(blocks={name: BLOCKS[name] for name in plan.trainable}) if plan.trainable else Body()
    return replace(Facts("run-1", plan.checked(), ("blue", "red"), PHOTOS, body), **changes)


def with_recipe(plan: Plan = PLAN, **recipe: object) -> Plan:
    return replace(plan, recipe=replace(plan.recipe, **recipe))


VARIANTS = {
    "the least": facts(),
    "everything": facts(EVERYTHING),
    "blocks": facts(replace(PLAN, trainable=("block7", "top"))),
    "layers by their place": facts(
        replace(PLAN, trainable=("top",)), body=Body("MobileNetV3Small", {"top": (140, 157)})),
    "head first": facts(replace(with_recipe(method="lp-ft"), trainable=("top",))),
    "no validation": facts(photos={"train": 5, "test": 0}, tested=False),
    "left early": facts(with_recipe(schedule="cosine"), done=2),
    "left in its first stage": facts(EVERYTHING, done=1),
    "drops out in the backbone": facts(EVERYTHING, body=Body("EfficientNetB0", BLOCKS, True, "rescaling_1")),
    "many classes": facts(classes=tuple(f"class number {n}" for n in range(120))),
    "hostile names": facts(
        replace(PLAN, dataset_title=HOSTILE), classes=(HOSTILE, "'", '"', "\\"), notes=(HOSTILE,)),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_whole_and_imports_nothing_but_keras_and_what_comes_with_it(name: str) -> None:
    tree = ast.parse(script_text(VARIANTS[name]))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name or "").split(".")[0]
        for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {"keras", "numpy", "PIL"} <= imported <= ALLOWED


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("texts")
    for name, each in VARIANTS.items():
        (folder / f"{name.replace(' ', '_')}.py").write_text(script_text(each), encoding="utf-8")
    # What people ask of a package is not asked of a script: a word on every method, and short functions.
    ran = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", "--ignore",
         "D1", "--output-format", "concise", folder], capture_output=True, text=True, check=False)
    return ran.stdout


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"hostile names"}))
def test_the_linter_has_nothing_to_say(name: str, complaints: str) -> None:
    file = f"{name.replace(' ', '_')}.py"
    assert [line for line in complaints.splitlines() if f"/{file}:" in line] == []


def top_level(text: str) -> list[str]:
    """What a script does, beside making functions, when it is loaded."""
    made = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return [ast.unparse(node) for node in ast.parse(text).body if not isinstance(node, made)]


def test_names_from_outside_are_literals_and_comments_and_run_nothing() -> None:
    text = script_text(VARIANTS["hostile names"])
    said = top_level(text)
    kept = next(each for each in said if each.startswith("CLASSES"))
    assert ast.literal_eval(kept.removeprefix("CLASSES = ")) == [HOSTILE, "'", '"', "\\"]
    plain = top_level(script_text(VARIANTS["the least"]))
    names = [each.split(" = ")[0] for each in said[1:]]
    assert names == [each.split(" = ")[0] for each in plain[1:]]
    assert ast.dump(ast.parse(text).body[0]).count("Constant") == 1  # the docstring has not ended early
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
    assert not {each for each in calls if "system" in each or each == "open"}


@pytest.mark.parametrize("text", ["t-shirt", "it's", 'a "b"', "\\", "\\'", "\"'", "a\nb", "\u202e", "ä", ""])
def test_a_literal_is_read_as_what_it_was(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text
    assert "\n" not in literal(text)


NEEDS = {
    # what only a plan that asks for it has in its script
    "changed(": with_recipe(augment="light"),
    "hashlib": with_recipe(augment="light"),
    "VIEWS": with_recipe(augment="light", views=3),
    "class_weights(": with_recipe(class_weights=True),
    "LABEL_SMOOTHING": with_recipe(label_smoothing=0.1),
    "CosineDecay": with_recipe(schedule="cosine"),
    "WARMUP": with_recipe(warmup=2),
    "PATIENCE": with_recipe(early_stopping=2),
    "WEIGHT_DECAY": with_recipe(weight_decay=0.1),
    "ByBlock": replace(with_recipe(lr_factor=0.5), trainable=("top",)),
    "STAGES": replace(with_recipe(method="lp-ft"), trainable=("top",)),
    "let_learn(": replace(PLAN, trainable=("top",)),
    "layer.momentum": replace(with_recipe(norms="updating"), trainable=("top",)),
    "seed_generator": replace(PLAN, head=Head(dropout=0.2)),
    "leaves(": replace(PLAN, head=Head(dropout=0.2)),
    "HIDDEN": replace(PLAN, head=Head(dropout=0.0, hidden=4)),
    "GlobalMaxPooling2D": replace(PLAN, head=Head("max", 0.0)),
}


@pytest.mark.parametrize("part", NEEDS)
def test_a_part_is_there_where_the_plan_needs_it_and_nowhere_else(part: str) -> None:
    assert part in script_text(facts(NEEDS[part]))
    assert part not in script_text(facts())


def test_a_script_of_the_usual_plan_is_short() -> None:
    usual = facts(Plan("colours", "colours", "efficientnet-lite0"))
    lines = script_text(usual).splitlines()
    assert len(lines) <= 170
    assert max(map(len, lines)) <= 110


def test_fresh_views_take_the_number_of_the_epoch() -> None:
    text = script_text(facts(with_recipe(augment="light", views=0)))
    assert "self.view = epoch\n" in text
    assert "VIEWS" not in text


def test_a_run_that_was_left_trains_the_epochs_it_had_at_the_rates_of_its_plan() -> None:
    text = script_text(facts(with_recipe(epochs=10, schedule="cosine"), done=2))
    assert "EPOCHS = 2\n" in text
    assert "CURVE_EPOCHS = 10 " in text


def test_stages_that_were_not_reached_are_left_out() -> None:
    text = script_text(facts(EVERYTHING, done=3))
    assert '("head", 2, [], ' in text
    assert '("top", 3, ["top"], ' in text
    assert '"block7", "top"]' not in text
    assert "CosineDecay" not in text  # the curve is that of the last stage, which was not reached
    assert "PATIENCE" not in text


def test_without_photos_to_validate_on_the_lower_loss_decides() -> None:
    text = script_text(VARIANTS["no validation"])
    assert 'rank = -logs["loss"]' in text
    assert "val_" not in text.replace("validation", "")
    assert "model.evaluate" not in text


def test_keras_gives_the_backbone_where_it_has_the_weights_that_the_run_had() -> None:
    text = script_text(VARIANTS["drops out in the backbone"])
    assert 'keras.applications.EfficientNetB0(\n        weights="imagenet", include_top=False' in text
    assert 'if layer.name != "rescaling_1"' in text
    assert "load_model" not in text
    assert 'keras.models.load_model(HERE / "backbone.keras"' in script_text(facts())


@pytest.mark.parametrize(("changes", "constructor"), [
    ({"backbone": "resnet50"}, "ResNet50"),
    ({"backbone": "resnet50", "image_size": 96}, "ResNet50"),
    ({"backbone": "resnet50", "weights": Start(RANDOM)}, ""),
    ({"backbone": "resnet50", "weights": Start("run", "run-1")}, ""),
    ({"backbone": "efficientnet-lite0"}, ""),
    ({"backbone": "mobilenetv2"}, "MobileNetV2"),
    # Keras would take other weights for this size than the run did.
    ({"backbone": "mobilenetv2", "image_size": 96}, ""),
])
def test_its_own_weights_go_with_it_where_keras_has_others(
    changes: dict[str, object], constructor: str
) -> None:
    assert constructor_of(replace(PLAN, **changes).checked()) == constructor


def test_what_is_not_decayed_is_what_the_run_does_not_decay() -> None:
    assert optimizer._NOT_DECAYED == NOT_DECAYED
