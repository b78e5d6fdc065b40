const RETRY_AFTER = 15000;

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

// A component that draws has update(state), which draws, and fail(state, error), which says that it could not.
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
