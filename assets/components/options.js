const states = new WeakMap();

const makeOption = (option) => {
  const node = make("button", "option");
  node.type = "button";
  node.setAttribute("role", "radio");
  node.dataset.name = option.name;
  node.append(draw("check", "chosen"), make("span", "title"), make("span", "detail"));
  return node;
};

const show = (state) => {
  state.options.forEach((option, place) => {
    setAttribute(option, "aria-checked", option.dataset.name === state.chosen);
    option.tabIndex = place === state.at ? 0 : -1;
  });
};

const choose = (state, option) => {
  state.at = state.options.indexOf(option);
  if (option.dataset.name !== state.chosen) {
    state.chosen = option.dataset.name;
    state.choices += 1;
    state.tell("choice", { value: state.chosen, count: state.choices });
  }
  show(state);
};

// NOTE: the arrows only lead from one to the next, and Space or Enter choose: a choice here changes much else,
// which going past it must not do.
const listen = (state, group) => {
  group.onclick = (event) => {
    const option = event.target.closest(".option");
    if (option) choose(state, option);
  };
  group.onkeydown = (event) => {
    const option = event.target.closest(".option");
    if (!option || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = stepTo(event.key, state.options.indexOf(option), state.options.length, true);
    if (next === null) return;
    event.preventDefault();
    state.at = next;
    show(state);
    state.options[next].focus();
  };
};

export default function ({ data, parentElement, setStateValue }) {
  const group = parentElement.querySelector(".options");
  let state = states.get(parentElement);
  if (!state) {
    state = { choices: data.seen, options: [], at: -1 };
    states.set(parentElement, state);
    listen(state, group);
  }
  state.tell = setStateValue;
  const names = JSON.stringify(data.options.map((option) => option.name));
  if (state.names !== names) {
    state.names = names;
    state.options = data.options.map(makeOption);
    group.replaceChildren(...state.options);
    state.at = -1;
  }
  data.options.forEach((option, place) => {
    setText(state.options[place].querySelector(".title"), option.title);
    setText(state.options[place].querySelector(".detail"), option.detail);
  });
  group.classList.toggle("plain", data.options.every((option) => !option.detail));
  setAttribute(group, "aria-label", data.label);
  if (!isStale(state, data)) {
    state.choices = data.seen;
    // What is chosen elsewhere takes the tab stop along.
    if (state.chosen !== data.chosen) state.at = -1;
    state.chosen = data.chosen;
  }
  if (state.at < 0) state.at = Math.max(0, state.options.findIndex((each) => each.dataset.name === state.chosen));
  show(state);
}
