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
