const states = new WeakMap();

drawings.ready = ["M5 12.5l4.5 4.5L19 7.5"];
drawings.fetch = ["M12 4v11M7 10.5l5 5 5-5M5 20h14"];
drawings.missing = drawings.alert;

const makeCard = (card) => {
  const node = make("div", "card");
  node.setAttribute("role", "radio");
  node.dataset.name = card.name;
  const bars = make("div", "bars");
  card.bars.forEach(() => {
    const track = make("span", "track");
    track.append(make("i"));
    bars.append(make("span", "label"), track, make("span", "figure"));
  });
  const foot = make("div", "foot");
  foot.append(make("span", "note"), make("span", "badge"));
  node.append(draw("check", "chosen"), make("div", "title"), make("div", "subtitle"), bars, foot);
  return node;
};

const fillBadge = (node, badge) => {
  node.hidden = !badge;
  const wanted = JSON.stringify(badge);
  if (!badge || node.dataset.badge === wanted) return;
  node.dataset.badge = wanted;
  node.className = `badge ${badge.tone}`;
  node.replaceChildren(draw(badge.tone), make("span", "", badge.text));
};

const fillCard = (node, card) => {
  setText(node.querySelector(".title"), card.title);
  setText(node.querySelector(".subtitle"), card.subtitle);
  setText(node.querySelector(".note"), card.note);
  fillBadge(node.querySelector(".badge"), card.badge);
  setAttribute(node, "aria-label", card.label);
  const [labels, fills, figures] = [".label", ".track i", ".figure"].map((one) => node.querySelectorAll(one));
  card.bars.forEach((bar, place) => {
    setText(labels[place], bar.label);
    fills[place].style.width = `${100 * bar.share}%`;
    setText(figures[place], bar.text);
  });
};

const show = (state) => {
  const known = state.cards.some((card) => card.dataset.name === state.chosen);
  state.cards.forEach((card, place) => {
    const chosen = card.dataset.name === state.chosen;
    setAttribute(card, "aria-checked", chosen);
    card.tabIndex = (known ? chosen : place === 0) ? 0 : -1;
  });
};

const choose = (state, card) => {
  if (state.locked || card.dataset.name === state.chosen) return;
  state.chosen = card.dataset.name;
  state.choices += 1;
  show(state);
  state.tell("choice", { value: state.chosen, count: state.choices });
};

const listen = (state, group) => {
  group.onclick = (event) => {
    const card = event.target.closest(".card");
    if (card) choose(state, card);
  };
  group.onkeydown = (event) => {
    const card = event.target.closest(".card");
    if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      choose(state, card);
      return;
    }
    const next = stepTo(event.key, state.cards.indexOf(card), state.cards.length, true);
    if (next === null) return;
    event.preventDefault();
    focusNear(state.cards[next]);
    choose(state, state.cards[next]);
  };
};

// Once for a list, not at each click: what a person is looking at stays where it is.
const reveal = (state, group) => {
  if (!state.toReveal || !group.clientHeight) return;
  state.toReveal = false;
  group.scrollTop = 0;
  const chosen = state.cards.find((card) => card.dataset.name === state.chosen);
  if (chosen) revealIn(group, chosen);
};

const shapeOf = (cards) => JSON.stringify(cards.map((card) => [card.name, card.bars.length]));

export default function ({ data, parentElement, setStateValue }) {
  const group = parentElement.querySelector(".cards");
  let state = states.get(parentElement);
  if (!state) {
    state = { choices: data.seen, chosen: data.chosen, cards: [] };
    states.set(parentElement, state);
    listen(state, group);
    watchBox(group, () => reveal(state, group));
  }
  state.tell = setStateValue;
  state.locked = data.locked;
  if (state.shape !== shapeOf(data.cards)) {
    state.shape = shapeOf(data.cards);
    state.cards = data.cards.map(makeCard);
    group.replaceChildren(...state.cards);
    state.toReveal = data.scroll;
  }
  for (const name of ["gallery", "scroll-box"]) group.classList.toggle(name, data.scroll);
  data.cards.forEach((card, place) => fillCard(state.cards[place], card));
  setAttribute(group, "aria-label", data.label);
  setAttribute(group, "aria-disabled", data.locked);
  if (!isStale(state, data)) {
    // A recipe or a run elsewhere on the page may have chosen a card that is out of sight.
    if (state.chosen !== data.chosen) state.toReveal = data.scroll;
    state.choices = data.seen;
    state.chosen = data.chosen;
  }
  show(state);
  group.hidden = data.cards.length === 0;
  const empty = parentElement.querySelector(".empty");
  setText(empty, data.empty);
  empty.hidden = !data.empty;
  reveal(state, group);
  markEdges(group);
}
