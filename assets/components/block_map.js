const states = new WeakMap();

const shapeInto = (node, shape) => {
  if (node.dataset.shape === shape) return;
  node.dataset.shape = shape;
  // In a narrow tile the channels go below, so that every tile breaks at the same place.
  const cut = shape.lastIndexOf("×");
  const pieces = cut > 0 ? [shape.slice(0, cut), shape.slice(cut)] : [shape];
  node.replaceChildren(...pieces.map((piece) => make("span", "", piece)));
};

const makeTile = (block) => {
  const tile = make(block.fixed ? "div" : "button", block.fixed ? "tile head learns" : "tile");
  const sign = make("span", "sign");
  sign.append(draw("ice", "ice"), draw("fire", "fire"));
  tile.append(sign, make("span", "name"), make("span", "shape"), make("span", "count"), make("span", "said"));
  if (block.fixed) {
    tile.setAttribute("role", "img");
  } else {
    tile.type = "button";
    tile.setAttribute("role", "switch");
    tile.dataset.block = block.name;
  }
  return tile;
};

const linesInto = (node, text) => {
  if (node.dataset.lines === text) return;
  node.dataset.lines = text;
  node.replaceChildren(...text.split("\n").filter(Boolean).map((line) => make("span", "", line)));
};

// What a tile says of itself: its rate while it learns, else when it joins.
const say = (tile, block, learns) => {
  const [seen, spoken] = learns ? block.rate : block.joins;
  linesInto(tile.querySelector(".said"), seen);
  setAttribute(tile, "aria-label", spoken ? `${block.label}, ${spoken}` : block.label);
};

const show = (state) => {
  state.groups.forEach((node, place) => showGroup(node, state.data.groups[place], state.learning));
  // One tile can be reached by Tab, and never one that is folded away.
  const reachable = state.tiles.findIndex((tile) => !isHidden(tile));
  if (reachable >= 0 && isHidden(state.tiles[state.at])) state.at = reachable;
  state.tiles.forEach((tile) => {
    const learns = state.learning.has(tile.dataset.block);
    tile.classList.toggle("learns", learns);
    setAttribute(tile, "aria-checked", learns);
    say(tile, state.told.get(tile.dataset.block), learns);
    tile.tabIndex = tile === state.tiles[state.at] ? 0 : -1;
  });
};

const report = (state) => {
  state.choices += 1;
  show(state);
  const value = state.tiles.map((one) => one.dataset.block).filter((one) => state.learning.has(one));
  state.tell("choice", { value, count: state.choices });
};

const toggle = (state, tile) => {
  const name = tile.dataset.block;
  if (!state.learning.delete(name)) state.learning.add(name);
  state.at = state.tiles.indexOf(tile);
  report(state);
};

const fold = (state, group) => {
  if (!group.classList.toggle("folded")) state.at = state.tiles.indexOf(switchesIn(group)[0]);
  show(state);
  markEdges(state.row);
};

const walk = (state, to) => {
  state.at = to;
  // The way leads through every block in order, so it opens what is folded.
  state.tiles[to].closest(".group")?.classList.remove("folded");
  show(state);
  focusNear(state.tiles[to]);
  markEdges(state.row);
};

const listen = (state) => {
  state.row.onclick = (event) => {
    const button = event.target.closest("button");
    const group = event.target.closest(".group");
    if (button?.matches(".tile") && !state.data.locked) toggle(state, button);
    else if (button?.matches(".fold")) fold(state, group);
    else if (button?.matches(".all")) {
      turnGroup(group, state.learning);
      report(state);
    }
  };
  state.row.onkeydown = (event) => {
    const tile = event.target.closest("button.tile");
    if (!tile || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = stepTo(event.key, state.tiles.indexOf(tile), state.tiles.length, false);
    if (next === null) return;
    event.preventDefault();
    walk(state, next);
  };
  watchBox(state.row, () => show(state));
};

const build = (state, data) => {
  const plan = JSON.stringify([data.blocks.map((each) => each.name), data.groups.map((each) => each.members)]);
  if (state.plan === plan) return;
  const focused = state.row.getRootNode().activeElement?.dataset?.block;
  state.plan = plan;
  state.all = data.blocks.map(makeTile);
  state.tiles = state.all.filter((tile) => tile.dataset.block);
  let from = 0;
  state.groups = data.groups.map((group, place) => {
    const tiles = state.all.slice(from, (from += group.members));
    return makeGroup(group, tiles, place === data.groups.length - 1);
  });
  state.row.replaceChildren(...withEnd(state.groups, state.all.slice(from)));
  for (const name of ["grouped", "scroll-box"]) state.row.classList.toggle(name, data.groups.length > 0);
  state.row.scrollTop = 0;
  state.at = Math.max(0, state.tiles.findIndex((tile) => tile.dataset.block === focused));
  if (focused !== undefined) state.tiles[state.at]?.focus();
};

// What shows figures can be gone through by key, though nothing is to be switched.
const lock = (tile, data) => {
  tile.disabled = data.locked && !data.warmth;
  if (data.warmth) tile.setAttribute("aria-disabled", "true");
  else tile.removeAttribute("aria-disabled");
  const warmth = data.warmth?.[tile.dataset.block];
  tile.style.setProperty("--warmth", warmth ?? 0);
  tile.classList.toggle("unknown", Boolean(data.warmth) && warmth === undefined);
};

const fill = (state, data) => {
  data.blocks.forEach((block, place) => {
    const tile = state.all[place];
    setText(tile.querySelector(".name"), block.title);
    shapeInto(tile.querySelector(".shape"), block.shape);
    setText(tile.querySelector(".count"), block.count);
    if (block.fixed) setAttribute(tile, "aria-label", block.label);
    else lock(tile, data);
  });
  state.told = new Map(data.blocks.map((block) => [block.name, block]));
  data.groups.forEach((group, place) => fillGroup(state.groups[place], group, data.locked));
};

// What has begun to learn while one looks on stands out for a moment.
const welcome = (state, now) => {
  state.tiles.forEach((tile) => {
    const name = tile.dataset.block;
    if (!now.has(name) || state.learning.has(name)) return;
    tile.closest(".group")?.classList.remove("folded");
    tile.classList.add("joined");
    tile.onanimationend = () => tile.classList.remove("joined");
  });
};

const fillStage = (node, data) => {
  node.hidden = data.watched.length === 0;
  setParts(node, data.watched);
};

const fillLegend = (list, data) => {
  if (!list.children.length) {
    const [frozen, learning] = [make("li", "frozen"), make("li", "learning")];
    frozen.append(draw("ice"), make("span"));
    learning.append(draw("fire"), make("span"));
    list.append(frozen, learning, make("li", "rate"));
  }
  const rate = list.querySelector(".rate");
  setText(rate, data.words.rate);
  rate.hidden = !data.words.rate;
  setText(list.querySelector(".frozen span"), data.words.frozen);
  setText(list.querySelector(".learning span"), data.words.learning);
};

export default function ({ data, parentElement, setStateValue }) {
  const row = parentElement.querySelector(".tiles");
  let state = states.get(parentElement);
  if (!state) {
    state = { row, choices: data.seen, learning: new Set(data.learning), at: 0, tiles: [], groups: [] };
    states.set(parentElement, state);
    listen(state);
  }
  state.tell = setStateValue;
  state.data = data;
  build(state, data);
  fill(state, data);
  row.classList.toggle("noted", data.noted);
  row.classList.toggle("watched", data.watched.length > 0);
  row.classList.toggle("measured", Boolean(data.warmth));
  fillStage(parentElement.querySelector(".stage"), data);
  setAttribute(row, "aria-label", data.words.group);
  fillLegend(parentElement.querySelector(".legend"), data);
  if (!isStale(state, data)) {
    state.choices = data.seen;
    const now = new Set(data.learning);
    if (data.watched.length) welcome(state, now);
    state.learning = now;
  }
  show(state);
  markEdges(row);
}
