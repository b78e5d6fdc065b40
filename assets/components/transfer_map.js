drawings.right = ["M3.5 12h16", "M14 6.5l5.5 5.5-5.5 5.5"];

const signOf = { copied_frozen: "ice", copied_trained: "fire", new: "fire", random: "ice" };

const mark = (number) => {
  const node = make("span", "mark", "M");
  node.append(make("sub", "", number));
  return node;
};

const fillModel = (node, model) => {
  const wanted = JSON.stringify(model);
  if (node.dataset.model === wanted) return;
  node.dataset.model = wanted;
  node.replaceChildren(mark(model.number), make("span", "about", model.text));
};

const fillChain = (list, data) => {
  list.hidden = data.history.length === 0;
  setAttribute(list, "aria-label", data.history_label);
  const wanted = JSON.stringify(data.history);
  if (list.dataset.history === wanted) return;
  list.dataset.history = wanted;
  list.replaceChildren(...data.history.map((name, place) => {
    const item = make("li");
    item.append(mark(String(place)), make("span", "about", name));
    if (place < data.history.length - 1) item.append(draw("right"));
    return item;
  }));
};

const makePart = (part) => {
  const row = make("div", `part is-${part.kind}`);
  const label = make("dt");
  label.append(draw(signOf[part.kind]), make("span", "label"));
  const said = make("dd");
  const track = make("span", "track");
  track.setAttribute("aria-hidden", "true");
  track.append(make("span", "bar"));
  said.append(make("span", "count"), make("span", "detail"), track);
  row.append(label, said);
  return row;
};

const fillParts = (list, parts) => {
  const wanted = parts.map((part) => part.kind).join(" ");
  if (list.dataset.kinds !== wanted) {
    list.dataset.kinds = wanted;
    list.replaceChildren(...parts.map(makePart));
  }
  parts.forEach((part, place) => {
    const row = list.children[place];
    setText(row.querySelector(".label"), part.label);
    setText(row.querySelector(".count"), part.count);
    setText(row.querySelector(".detail"), part.detail);
    // A head's share is often below a thousandth: the style sheet keeps a least width.
    row.querySelector(".bar").style.width = `${100 * part.share}%`;
    row.querySelector(".bar").hidden = part.share === 0;
  });
};

export default function ({ data, parentElement }) {
  const find = (name) => parentElement.querySelector(name);
  setAttribute(find(".transfer"), "aria-label", data.label);
  fillChain(find(".chain"), data);
  fillModel(find(".old"), data.source);
  fillModel(find(".new"), data.target);
  fillParts(find(".parts"), data.rows);
  parentElement.querySelectorAll(".arrow").forEach((arrow) => {
    if (!arrow.firstChild) arrow.append(draw("right"));
  });
  setParts(find(".step"), data.step);
  find(".step").hidden = data.step.length === 0;
}
