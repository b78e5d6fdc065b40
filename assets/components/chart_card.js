const NARROW = 480;
const FEW_TICKS = 4;
const SETTINGS = { displayModeBar: false, showSendToCloud: false, responsive: false, doubleClick: false, scrollZoom: false };

// NOTE: Plotly writes into what it is given, so it gets a copy.
const fitted = (shown, width) => {
  const { data, layout } = structuredClone(shown);
  if (width < NARROW && layout.xaxis?.nticks) layout.xaxis.nticks = FEW_TICKS;
  return { data, layout: { ...layout, width, autosize: false } };
};

const update = async (state) => {
  const width = state.plot.clientWidth;
  if (!width) return;
  const { data, layout } = fitted(state.data.shown, width);
  await state.plotly.react(state.plot, data, layout, SETTINGS);
  state.wait.hidden = true;
  state.button.disabled = false;
};

// The picture is of its own making: light, with its title and what is to be read with it.
const save = async (state) => {
  const { paper, file, words } = state.data;
  state.button.disabled = true;
  setText(state.said, "");
  try {
    const { width, height } = paper.layout;
    const address = await state.plotly.toImage(structuredClone(paper), { format: "png", width, height, scale: 2 });
    const link = make("a");
    link.href = address;
    link.download = `${file}.png`;
    document.body.append(link);
    link.click();
    link.remove();
    setText(state.said, words.saved);
  } catch (error) {
    console.warn("Thaw: the picture could not be made.", error);
    setText(state.said, words.failed);
  } finally {
    // NOTE: a button that is disabled loses the focus that a key brought there.
    state.button.disabled = false;
    if (document.activeElement === document.body) state.button.focus({ preventScroll: true });
  }
};

const start = (root, data) => {
  const [head, chart] = [make("div", "head"), make("div", "chart")];
  const state = {
    data, title: make("div", "title"), button: make("button", "png"),
    plot: make("div", "plot"), wait: make("div", "wait"), said: make("p", "said"),
  };
  state.button.type = "button";
  state.button.disabled = true;
  state.button.addEventListener("click", () => save(state));
  state.plot.setAttribute("role", "img");
  state.said.setAttribute("role", "status");
  head.append(state.title, state.button);
  chart.append(state.plot, state.wait);
  root.replaceChildren(head, chart, state.said);
  state.chart = chart;
  state.plots = [state];
  return state;
};

export default function ({ data, parentElement }) {
  const state = mounted(parentElement, ".thaw-chart-card", data);
  const changed = JSON.stringify(state.data.shown) !== JSON.stringify(data.shown);
  state.data = data;
  state.chart.style.height = `${data.shown.layout.height}px`;
  setText(state.title, data.title);
  setText(state.button, data.words.png);
  state.button.hidden = !data.paper;
  setAttribute(state.plot, "aria-label", data.label);
  fetchLibrary(state);
  if (changed || !state.wait.hidden) request(state);
  return leaving(parentElement, state);
}
