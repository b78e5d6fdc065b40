const FAINT = 0.1;
const CARD = 224;
const GAP = 14;

// The signs of Plotly that stand in the list of classes, on 16 by 16.
const signs = {
  circle: "M8 3a5 5 0 1 0 0 10a5 5 0 0 0 0-10z",
  square: "M3.5 3.5h9v9h-9z",
  diamond: "M8 2l6 6l-6 6l-6-6z",
  "triangle-up": "M8 2.5l6 10.5h-12z",
  cross: "M6 2.5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5v-4h3.5z",
  "triangle-down": "M8 13.5l6-10.5h-12z",
  hourglass: "M3 3h10l-10 10h10z",
};

const drawSign = (name) => {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", signs[name]);
  svg.append(path);
  return svg;
};

// One pass, so that a name that looks like a mark stays as it is.
const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (mark, name) => values[name] ?? mark);

const isLit = (state, label) => state.lit.size === 0 || state.lit.has(label);

const spoken = (state, at) => {
  const { labels, said, sure, classes, words } = state.data;
  const values = { is: classes[labels[at]].name, said: classes[said[at]].name, sure: sure[at] };
  return filled(labels[at] === said[at] ? words.right : words.wrong, values);
};

const traces = (state, points) => {
  const { classes, labels, size, colours } = state.data;
  const of = classes.map(() => []);
  labels.forEach((label, at) => of[label].push(at));
  return classes
    .map((one, label) => ({
      type: "scatter", mode: "markers", showlegend: false, cliponaxis: false,
      x: of[label].map((at) => points.x[at]), y: of[label].map((at) => points.y[at]), customdata: of[label],
      hoverinfo: isLit(state, label) ? "none" : "skip", lit: isLit(state, label),
      marker: { color: one.colour, symbol: one.symbol, size, opacity: isLit(state, label) ? 0.9 : FAINT,
                line: { color: colours.page, width: 0.5 } },
    }))
    .sort((one, other) => one.lit - other.lit)
    .map(({ lit, ...trace }) => trace);
};

const layout = (state, width) => {
  const { colours, height, view } = state.data;
  const axis = { showgrid: false, zeroline: false, showticklabels: false, ticks: "", showline: true, mirror: true,
                 linecolor: colours.line };
  return {
    width, height, autosize: false, uirevision: view, margin: { l: 8, r: 8, t: 8, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", hoverdistance: 12,
    dragmode: state.touch ? false : "zoom",
    xaxis: { ...axis, fixedrange: state.touch },
    // One unit is as long both ways: else the distances would lie.
    yaxis: { ...axis, scaleanchor: "x", fixedrange: state.touch },
  };
};

const SETTINGS = { displayModeBar: false, showSendToCloud: false, responsive: false, doubleClick: "reset", scrollZoom: false };

// Where a photo lies on a plot, in pixels, or null outside of what is shown.
const placeOf = (state, side, at) => {
  const drawn = side.plot._fullLayout;
  const points = state.data.plots[side.number];
  if (!drawn?.xaxis) return null;
  const [x, y] = [drawn.xaxis, drawn.yaxis].map((axis, which) => {
    const along = axis.l2p(which ? points.y[at] : points.x[at]);
    return along < 0 || along > axis._length ? null : axis._offset + along;
  });
  return x === null || y === null ? null : { x, y };
};

const show = (state) => {
  for (const side of state.plots) {
    const place = state.at === null ? null : placeOf(state, side, state.at);
    side.ring.hidden = !place;
    if (place) side.ring.style.translate = `${place.x}px ${place.y}px`;
    const here = place && side === state.from;
    side.card.hidden = !here;
    if (!here) continue;
    const width = side.chart.clientWidth;
    const left = place.x > width / 2 ? place.x - GAP - CARD : place.x + GAP;
    side.card.style.left = `${Math.max(0, Math.min(left, width - CARD))}px`;
    side.card.style.top = `${Math.max(0, Math.min(place.y - 54, state.data.height - 112))}px`;
    const [picture, is] = side.card.children;
    if (picture.getAttribute("src") !== state.data.thumbs[state.at]) picture.src = state.data.thumbs[state.at];
    setText(is, spoken(state, state.at));
  }
};

const pick = (state, side, at) => {
  state.at = at;
  state.from = side;
  show(state);
};

// The nearest photo in an arrow's direction: within 45 degrees of it.
const nextIn = (state, side, key) => {
  const points = state.data.plots[side.number];
  const lit = points.x.map((_x, at) => at).filter((at) => isLit(state, state.data.labels[at]));
  const along = [...lit].sort((one, other) => points.x[one] - points.x[other]);
  if (key === "Home") return along[0];
  if (key === "End") return along.at(-1);
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
  if (!way) return null;
  if (state.at === null) return along[0];
  const [x, y] = [points.x[state.at], points.y[state.at]];
  let [best, least] = [state.at, Infinity];
  for (const at of lit) {
    const [dx, dy] = [points.x[at] - x, points.y[at] - y];
    const [ahead, aside] = [dx * way[0] + dy * way[1], Math.abs(dx * way[1]) + Math.abs(dy * way[0])];
    const far = Math.hypot(dx, dy);
    if (at !== state.at && ahead > 0 && aside <= ahead && far < least) [best, least] = [at, far];
  }
  return best;
};

const listen = (state, side) => {
  side.plot.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      pick(state, null, null);
      return;
    }
    const next = nextIn(state, side, event.key);
    if (next === null || next === undefined) return;
    event.preventDefault();
    pick(state, side, next);
    setText(state.told, spoken(state, next));
  };
  side.plot.onblur = () => pick(state, null, null);
};

// Plotly's own events can only be heard once it has drawn.
const follow = (state, side) => {
  if (side.followed) return;
  side.followed = true;
  for (const event of ["plotly_hover", "plotly_click"]) {
    side.plot.on(event, ({ points }) => pick(state, side, points[0].customdata));
  }
  side.plot.on("plotly_unhover", () => pick(state, null, null));
  side.plot.on("plotly_relayout", () => show(state));
};

const update = async (state) => {
  for (const side of state.plots) {
    const width = side.plot.clientWidth;
    if (!width) continue;
    const points = state.data.plots[side.number];
    await state.plotly.react(side.plot, traces(state, points), layout(state, width), SETTINGS);
    follow(state, side);
    side.wait.hidden = true;
  }
  show(state);
};

const mark = (state) => {
  state.buttons.forEach((button, label) => {
    setAttribute(button, "aria-pressed", state.lit.has(label));
    button.classList.toggle("faint", !isLit(state, label));
    button.tabIndex = label === state.reach ? 0 : -1;
  });
  state.all.hidden = state.lit.size === 0;
};

const light = (state, label) => {
  if (label === null) state.lit.clear();
  else if (!state.lit.delete(label)) state.lit.add(label);
  pick(state, null, null);
  mark(state);
  request(state);
};

const buildClasses = (state) => {
  const { classes } = state.data;
  const plan = JSON.stringify(classes);
  if (state.plan === plan) return;
  const other = state.plan !== undefined && state.buttons.length !== classes.length;
  if (other) state.lit.clear();
  state.plan = plan;
  state.reach = Math.min(state.reach, classes.length - 1);
  state.buttons = classes.map((one, label) => {
    const button = make("button", "class");
    button.type = "button";
    const sign = drawSign(one.symbol);
    sign.style.fill = one.colour;
    button.append(sign, make("span", "name", one.name), make("span", "count", one.count));
    button.onclick = () => {
      state.reach = label;
      light(state, label);
    };
    return button;
  });
  state.list.replaceChildren(...state.buttons, state.all);
};

const start = (root, data) => {
  const state = {
    data, lit: new Set(), at: null, from: null, reach: 0, buttons: [],
    touch: matchMedia("(pointer: coarse)").matches, list: make("div", "classes"), all: make("button", "every"),
    told: make("p", "told"), help: make("p", "help"),
  };
  state.list.setAttribute("role", "toolbar");
  state.list.onkeydown = (event) => {
    const at = state.buttons.indexOf(event.target.closest(".class"));
    const next = at < 0 ? null : stepTo(event.key, at, state.buttons.length, true);
    if (next === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    state.reach = next;
    mark(state);
    state.buttons[next].focus();
  };
  state.all.type = "button";
  state.all.onclick = () => {
    light(state, null);
    state.buttons[state.reach].focus({ preventScroll: true });
  };
  state.told.setAttribute("role", "status");
  const pair = make("div", "pair");
  state.plots = data.plots.map((_points, number) => {
    const side = {
      number, node: make("section", "one"), title: make("div", "title"), chart: make("div", "chart"),
      plot: make("div", "plot"), ring: make("div", "ring"), card: make("div", "card"), wait: make("div", "wait"),
    };
    const picture = make("img");
    picture.alt = "";
    side.card.append(picture, make("p"));
    side.card.setAttribute("aria-hidden", "true");
    side.card.hidden = side.ring.hidden = true;
    side.plot.tabIndex = 0;
    // So that a screen reader leaves the arrow keys to the map.
    side.plot.setAttribute("role", "application");
    side.chart.append(side.plot, side.ring, side.card, side.wait);
    side.node.append(side.title, side.chart);
    listen(state, side);
    pair.append(side.node);
    return side;
  });
  root.replaceChildren(state.list, pair, state.help, state.told);
  return state;
};

export default function ({ data, parentElement }) {
  const state = mounted(parentElement, ".thaw-embedding-map", data);
  if (state.data.view !== data.view) [state.at, state.from] = [null, null];
  if (state.data.about !== data.about) state.lit.clear();
  state.data = data;
  state.plots.forEach((side) => {
    side.chart.style.height = `${data.height}px`;
    setText(side.title, data.plots[side.number].title);
    setAttribute(side.plot, "aria-label", data.plots[side.number].label);
  });
  setAttribute(state.list, "aria-label", data.words.classes);
  setText(state.all, data.words.every);
  setText(state.help, data.words.help);
  buildClasses(state);
  mark(state);
  fetchLibrary(state);
  request(state);
  return leaving(parentElement, state);
}
