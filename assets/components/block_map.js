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
  tile.append(sign, make("span", "name"), make("span", "shape"), make("span", "count"));
  if (block.fixed) {
    tile.setAttribute("role", "img");
  } else {
    tile.type = "button";
    tile.setAttribute("role", "switch");
    tile.dataset.block = block.name;
  }
  return tile;
};

const show = (state) => {
  state.tiles.forEach((tile) => {
    const learns = state.learning.has(tile.dataset.block);
    tile.classList.toggle("learns", learns);
    setAttribute(tile, "aria-checked", learns);
    tile.tabIndex = tile === state.tiles[state.at] ? 0 : -1;
  });
};

const toggle = (state, tile) => {
  const name = tile.dataset.block;
  if (!state.learning.delete(name)) state.learning.add(name);
  state.at = state.tiles.indexOf(tile);
  state.choices += 1;
  show(state);
  const value = state.tiles.map((one) => one.dataset.block).filter((one) => state.learning.has(one));
  state.tell("choice", { value, count: state.choices });
};

const listen = (state, row) => {
  row.onclick = (event) => {
    const tile = event.target.closest("button.tile");
    if (tile) toggle(state, tile);
  };
  row.onkeydown = (event) => {
    const tile = event.target.closest("button.tile");
    if (!tile || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = stepTo(event.key, state.tiles.indexOf(tile), state.tiles.length, false);
    if (next === null) return;
    event.preventDefault();
    state.at = next;
    show(state);
    state.tiles[next].focus();
  };
};

const build = (state, row, blocks) => {
  const names = blocks.map((block) => block.name).join(" ");
  if (state.names === names) return;
  const focused = row.getRootNode().activeElement?.dataset?.block;
  const all = blocks.map(makeTile);
  row.replaceChildren(...all);
  state.names = names;
  state.all = all;
  state.tiles = all.filter((tile) => tile.dataset.block);
  state.at = Math.max(0, state.tiles.findIndex((tile) => tile.dataset.block === focused));
  if (focused !== undefined) state.tiles[state.at]?.focus();
};

const fill = (state, data) => {
  data.blocks.forEach((block, place) => {
    const tile = state.all[place];
    setText(tile.querySelector(".name"), block.title);
    shapeInto(tile.querySelector(".shape"), block.shape);
    setText(tile.querySelector(".count"), block.count);
    setAttribute(tile, "aria-label", block.label);
    if (!block.fixed) tile.disabled = data.locked;
  });
};

const fillLegend = (list, data) => {
  if (!list.children.length) {
    const [frozen, learning] = [make("li", "frozen"), make("li", "learning")];
    frozen.append(draw("ice"), make("span"));
    learning.append(draw("fire"), make("span"));
    list.append(frozen, learning);
  }
  setText(list.querySelector(".frozen span"), data.words.frozen);
  setText(list.querySelector(".learning span"), data.words.learning);
};

export default function ({ data, parentElement, setStateValue }) {
  const row = parentElement.querySelector(".tiles");
  let state = states.get(parentElement);
  if (!state) {
    state = { choices: data.seen, learning: new Set(data.learning), at: 0 };
    states.set(parentElement, state);
    listen(state, row);
  }
  state.tell = setStateValue;
  build(state, row, data.blocks);
  fill(state, data);
  setAttribute(row, "aria-label", data.words.group);
  fillLegend(parentElement.querySelector(".legend"), data);
  if (!isStale(state, data)) {
    state.choices = data.seen;
    state.learning = new Set(data.learning);
  }
  show(state);
}
