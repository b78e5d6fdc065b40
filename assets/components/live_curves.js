const HEIGHT = 286;
const MARGIN = { l: 44, r: 10, b: 44 };

const readColours = (root) => {
  const probe = root.appendChild(make("span"));
  const names = ["page", "text", "quiet", "line", "ice", "ice-wash", "ember-text", "card"];
  const colours = {};
  for (const name of names) {
    probe.style.color = `var(--thaw-${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  colours.font = getComputedStyle(root).fontFamily;
  return colours;
};

const faded = (colour, share) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);

const buildChart = (name) => {
  const node = make("section", "one");
  node.dataset.chart = name;
  const head = make("div", "head");
  head.append(make("span", "title"), make("span", "figure"));
  const chart = make("div", "chart");
  const plot = make("div", "plot");
  plot.setAttribute("role", "img");
  chart.append(plot, make("div", "wait"));
  node.append(head, chart);
  return { node, plot, wait: chart.lastChild, title: head.firstChild, figure: head.lastChild };
};

const traces = (chart, words, colours) => {
  const hue = colours.ice;
  const value = `%{y:.${chart.digits}f}${chart.suffix}`;
  return [
    { uid: "within", name: words.within, x: chart.batch_x, y: chart.batch, type: "scatter", mode: "lines",
      line: { color: faded(hue, 0.42), width: 1.2 }, legendgroup: "training", showlegend: false,
      hovertemplate: `${words.within} ${value}<extra></extra>` },
    { uid: "training", name: words.training, x: chart.epoch_x, y: chart.training, type: "scatter",
      mode: "lines+markers", line: { color: hue, width: 2.2 }, marker: { color: hue, size: 4 },
      legendgroup: "training", showlegend: true, cliponaxis: false,
      hovertemplate: `${words.training} ${value}<extra></extra>` },
    { uid: "validation", name: words.validation, x: chart.epoch_x, y: chart.validation, type: "scatter",
      mode: "lines+markers", line: { color: hue, width: 2, dash: "dot" },
      marker: { color: colours.page, size: 8, line: { color: hue, width: 2 } },
      legendgroup: "validation", showlegend: true, cliponaxis: false,
      hovertemplate: `${words.validation} ${value}<extra></extra>` },
  ];
};

// A step that ends on the planned last epoch is preferred to one that does not.
const niceStep = (epochs) => {
  const few = [1, 2, 5, 10, 20, 25, 50, 100, 200].filter((step) => epochs / step <= 8);
  return few.find((step) => epochs % step === 0 && epochs / step >= 3) ?? few[0] ?? 500;
};

const tickFormat = (chart, zoomed) => {
  if (zoomed) return "";
  if (chart.suffix) return "d";
  return chart.range[1] > 8 ? "" : chart.range[1] <= 0.5 ? ".2f" : ".1f";
};

const ruler = make("canvas").getContext("2d");
const widthOf = (text, font) => {
  ruler.font = `13px ${font}`;
  return ruler.measureText(text).width;
};

// A name stands where it ends before the next one, the newest first; else its line says enough.
const namedPhases = (phases, colours, [from, to], width) => {
  const scale = width / (to - from);
  let free = width + MARGIN.r;
  return [...phases].reverse().filter((one) => {
    const left = (Math.max(one.start, from) - from) * scale;
    if (one.end <= from || one.start >= to || left + widthOf(one.label, colours.font) + 2 > free) return false;
    free = left - 6;
    return true;
  });
};

const phaseMarks = (phases, colours, range, width) => ({
  shapes: phases.flatMap((one) => [
    ...(one.frozen ? [{
      type: "rect", layer: "below", xref: "x", yref: "paper", x0: one.start, x1: one.end, y0: 0, y1: 1,
      fillcolor: colours["ice-wash"], opacity: 0.8, line: { width: 0 },
    }] : []),
    ...(one.start > 0 ? [{
      type: "line", layer: "below", xref: "x", yref: "paper", x0: one.start, x1: one.start, y0: 0, y1: 1,
      line: { width: 1, color: faded(colours["ember-text"], 0.55) },
    }] : []),
  ]),
  annotations: namedPhases(phases, colours, range, width).map((one) => ({
    text: one.label, x: Math.max(one.start, range[0]), xref: "x", y: 1, yref: "paper", xanchor: "left",
    yanchor: "bottom", xshift: -3, showarrow: false,
    font: { size: 13, color: one.frozen ? colours.ice : colours["ember-text"] },
  })),
});

const layout = (state, chart, width) => {
  const { colours, data, zoom } = state;
  const above = data.phases.length ? 22 : 4;
  const axis = { tickfont: { size: 13, color: colours.quiet }, gridcolor: colours.line, zeroline: false,
                 ticklabelstandoff: 4 };
  return {
    width, height: HEIGHT, autosize: false, uirevision: data.run,
    margin: { ...MARGIN, t: above + 30 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colours.font, size: 13, color: colours.text },
    dragmode: state.touch ? false : "zoom", hovermode: "x unified", hoverdistance: 24,
    hoverlabel: { bgcolor: colours.card, bordercolor: colours.line, font: { size: 13, color: colours.text } },
    legend: { orientation: "h", x: 0, y: 1 + above / (HEIGHT - above - 74), xanchor: "left", yanchor: "bottom", font: { size: 14 }, itemwidth: 30,
              tracegroupgap: 4 },
    xaxis: { ...axis, range: zoom.x ?? [0, data.epochs], dtick: zoom.x ? undefined : niceStep(data.epochs),
             nticks: 8, showgrid: false, showline: true, linecolor: colours.line, ticks: "",
             title: { text: data.words.epoch, font: { size: 13, color: colours.quiet }, standoff: 6 },
             unifiedhovertitle: { text: `${data.words.epoch} %{x:.3~g}` } },
    yaxis: { ...axis, range: zoom[chart.name] ?? chart.range, ticksuffix: chart.suffix, nticks: 6,
             tickformat: tickFormat(chart, Boolean(zoom[chart.name])) },
    ...phaseMarks(data.phases, colours, zoom.x ?? [0, data.epochs], width - MARGIN.l - MARGIN.r),
  };
};

const SETTINGS = { displayModeBar: false, showSendToCloud: false, responsive: false, doubleClick: false, scrollZoom: false };

// The zoom is kept here and sent back with every update: Plotly's own memory of it ends when the
// range that Python proposes changes.
const follow = (state, chart) => {
  chart.plot.on("plotly_relayout", (change) => {
    const span = (axis) => change[`${axis}.range`]
      ?? (`${axis}.range[0]` in change ? [change[`${axis}.range[0]`], change[`${axis}.range[1]`]] : null);
    const [x, y] = [span("xaxis"), span("yaxis")];
    if (x) state.zoom.x = x;
    if (y) state.zoom[chart.name] = y;
    if (x || y) request(state);
  });
  chart.plot.on("plotly_doubleclick", () => {
    state.zoom = {};
    request(state);
  });
};

const update = async (state) => {
  for (const data of state.data.charts) {
    const chart = state.charts[data.name];
    const width = chart.plot.clientWidth;
    if (!width) continue;
    await state.plotly.react(chart.plot, traces(data, state.data.words, state.colours), layout(state, data, width), SETTINGS);
    if (!chart.followed) {
      chart.followed = true;
      follow(state, { ...chart, name: data.name });
    }
    chart.wait.hidden = true;
  }
};

const start = (root, data) => {
  const state = { root, data, charts: {}, zoom: {}, touch: matchMedia("(pointer: coarse)").matches };
  const pair = make("div", "pair");
  for (const { name } of data.charts) {
    state.charts[name] = buildChart(name);
    pair.append(state.charts[name].node);
  }
  root.replaceChildren(pair);
  state.plots = Object.values(state.charts);
  return state;
};

const show = (state, data) => {
  if (state.data.run !== data.run) state.zoom = {};
  state.data = data;
  state.colours = readColours(state.root);
  for (const chart of data.charts) {
    const parts = state.charts[chart.name];
    setText(parts.title, chart.title);
    setParts(parts.figure, chart.figure);
    setAttribute(parts.plot, "aria-label", chart.label);
  }
  fetchLibrary(state);
  request(state);
};

export default function ({ data, parentElement }) {
  const state = mounted(parentElement, ".thaw-curves", data);
  show(state, data);
  listen(parentElement, data.live, (fresh) => fresh.curves && show(state, { ...state.data, ...fresh.curves }));
  return leaving(parentElement, state);
}
