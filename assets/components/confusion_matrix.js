const states = new WeakMap();

const headOf = (name, scope) => {
  const node = make("th");
  node.scope = scope;
  node.title = name;
  node.append(make("span", "", name));
  return node;
};

const build = (state, names) => {
  const plan = JSON.stringify(names);
  if (state.plan === plan) return;
  state.plan = plan;
  state.count = names.length;
  state.at = 0;
  state.cells = [];
  const corner = make("td", "corner");
  corner.append(make("span", "", state.data.words.is));
  state.head.replaceChildren(corner, ...names.map((name) => headOf(name, "col")));
  state.body.replaceChildren(...names.map((name, row) => {
    const line = make("tr");
    line.append(headOf(name, "row"), ...names.map((_name, column) => {
      const cell = make("td", row === column ? "cell right" : "cell");
      cell.setAttribute("role", "gridcell");
      cell.dataset.place = state.cells.length;
      state.cells.push(cell);
      return cell;
    }));
    return line;
  }));
};

const fill = (state, data) => {
  const filled = new Map(data.cells.map((each) => [each.row * state.count + each.column, each]));
  state.cells.forEach((cell, place) => {
    const each = filled.get(place);
    setText(cell, each?.text ?? "");
    cell.style.setProperty("--shade", each?.shade ?? 0);
    cell.classList.toggle("filled", Boolean(each));
    cell.classList.toggle("middle", (each?.shade ?? 0) > 0.56);
    cell.classList.toggle("strong", (each?.shade ?? 0) > 0.71);
    const [row, column] = [Math.floor(place / state.count), place % state.count];
    const label = each?.label ?? data.words.none.replace("{true}", data.names[row]).replace("{said}", data.names[column]);
    setAttribute(cell, "aria-label", label);
    setAttribute(cell, "title", each?.label ?? "");
  });
};

const show = (state) => {
  state.cells.forEach((cell, place) => {
    setAttribute(cell, "aria-selected", place === state.chosen);
    cell.tabIndex = place === state.at ? 0 : -1;
  });
};

const choose = (state, place) => {
  if (!state.cells[place]?.classList.contains("filled")) return;
  state.at = place;
  state.chosen = state.chosen === place ? -1 : place;
  state.choices += 1;
  const value = state.chosen < 0 ? [] : [Math.floor(place / state.count), place % state.count];
  state.tell("choice", { value, count: state.choices });
  show(state);
};

const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

const placeAfter = (state, key, place) => {
  const [row, column] = [Math.floor(place / state.count), place % state.count];
  if (key === "Home") return row * state.count;
  if (key === "End") return row * state.count + state.count - 1;
  const step = steps[key];
  if (!step) return null;
  const within = (at) => Math.min(state.count - 1, Math.max(0, at));
  return within(row + step[0]) * state.count + within(column + step[1]);
};

const listen = (state, table) => {
  table.onclick = (event) => {
    const cell = event.target.closest(".cell");
    if (cell) choose(state, Number(cell.dataset.place));
  };
  table.onkeydown = (event) => {
    const cell = event.target.closest(".cell");
    if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const place = Number(cell.dataset.place);
    const opens = event.key === "Enter" || event.key === " ";
    const next = opens ? place : placeAfter(state, event.key, place);
    if (next === null) return;
    event.preventDefault();
    if (opens) return choose(state, place);
    state.at = next;
    show(state);
    state.cells[next].focus({ preventScroll: true });
    state.cells[next].scrollIntoView({ block: "nearest", inline: "nearest" });
  };
};

export default function ({ data, parentElement, setStateValue }) {
  const table = parentElement.querySelector("table");
  let state = states.get(parentElement);
  if (!state) {
    state = { choices: data.seen, at: 0, chosen: -1, head: table.tHead.rows[0], body: table.tBodies[0] };
    states.set(parentElement, state);
    listen(state, table);
  }
  state.tell = setStateValue;
  state.data = data;
  build(state, data.names);
  fill(state, data);
  setText(parentElement.querySelector(".axis"), data.words.said);
  setText(parentElement.querySelector(".hint"), data.words.hint);
  setAttribute(table, "aria-label", data.words.table);
  table.classList.toggle("many", data.names.length > 12);
  if (!isStale(state, data)) {
    state.choices = data.seen;
    state.chosen = data.chosen.length ? data.chosen[0] * state.count + data.chosen[1] : -1;
  }
  show(state);
}
