const states = new WeakMap();

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
  node.append(draw("check"), make("div", "title"), make("div", "subtitle"), bars, make("div", "note"));
  return node;
};

const fillCard = (node, card) => {
  setText(node.querySelector(".title"), card.title);
  setText(node.querySelector(".subtitle"), card.subtitle);
  setText(node.querySelector(".note"), card.note);
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
    state.cards[next].focus();
    choose(state, state.cards[next]);
  };
};

const shapeOf = (cards) => JSON.stringify(cards.map((card) => [card.name, card.bars.length]));

export default function ({ data, parentElement, setStateValue }) {
  const group = parentElement.querySelector(".cards");
  let state = states.get(parentElement);
  if (!state) {
    state = { choices: data.seen, chosen: data.chosen, cards: [] };
    states.set(parentElement, state);
    listen(state, group);
  }
  state.tell = setStateValue;
  state.locked = data.locked;
  if (state.shape !== shapeOf(data.cards)) {
    state.shape = shapeOf(data.cards);
    state.cards = data.cards.map(makeCard);
    group.replaceChildren(...state.cards);
  }
  data.cards.forEach((card, place) => fillCard(state.cards[place], card));
  setAttribute(group, "aria-label", data.label);
  setAttribute(group, "aria-disabled", data.locked);
  if (!isStale(state, data)) {
    state.choices = data.seen;
    state.chosen = data.chosen;
  }
  show(state);
}
