const RETRY_AFTER = 15000;
const NAME_THE_WAIT_AFTER = 2000;
const states = new WeakMap();

// One script a tab, whatever the number of charts: the promise lives on the window.
const loadLibrary = (address) => {
  if (window.thawPlotly) return window.thawPlotly;
  const script = make("script");
  window.thawPlotly = new Promise((resolve, reject) => {
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("no Plotly in the library")));
    script.onerror = () => reject(new Error("the chart library did not load"));
    script.src = address;
    document.head.append(script);
  });
  window.thawPlotly.catch(() => {
    script.remove();
    delete window.thawPlotly;
  });
  return window.thawPlotly;
};

const fail = (state, error) => {
  if (state.gone) return;
  console.warn("Thaw: the chart could not be drawn.", error);
  state.failedAt = Date.now();
  for (const { wait } of state.plots) {
    wait.hidden = false;
    wait.classList.add("failed");
    setText(wait, state.data.words.unavailable);
  }
};

// Never two updates at once; of what came in meanwhile only the newest is drawn.
const request = (state) => {
  if (!state.plotly || state.gone) return;
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  state.again = false;
  update(state)
    .catch((error) => fail(state, error))
    .finally(() => {
      state.busy = false;
      if (state.again) request(state);
    });
};

const fetchLibrary = (state) => {
  if (state.plotly || state.loading || Date.now() - state.failedAt < RETRY_AFTER) return;
  state.loading = true;
  loadLibrary(state.data.library)
    .then((plotly) => {
      state.plotly = plotly;
      request(state);
    })
    .catch((error) => fail(state, error))
    .finally(() => {
      state.loading = false;
    });
};

// The life of a component that draws. It has start(root, data), which makes its nodes and returns its state, with
// the data and with its plots: each a node to draw on and one that stands in its place until then. And it has
// update(state), which draws.
const mounted = (parentElement, selector, data) => {
  const known = states.get(parentElement);
  if (known) return known;
  const root = parentElement.querySelector(selector);
  const state = start(root, data);
  states.set(parentElement, state);
  state.failedAt = -Infinity;
  state.observer = new ResizeObserver(() => request(state));
  state.observer.observe(root);
  setTimeout(() => {
    if (state.plotly || state.failedAt > 0) return;
    state.plots.forEach(({ wait }) => setText(wait, state.data.words.loading));
  }, NAME_THE_WAIT_AFTER);
  return state;
};

// The clean-up, which also runs where the node stays: then nothing may be thrown away.
const leaving = (parentElement, state) => () => setTimeout(() => {
  if (parentElement.isConnected) return;
  state.gone = true;
  state.observer.disconnect();
  state.plots.forEach(({ plot }) => state.plotly?.purge(plot));
  states.delete(parentElement);
}, 0);
