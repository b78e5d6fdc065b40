// Counts, frame by frame, whether every live chart has its lines; evaluate in the page, then read
// window.curvesProbe: {frames, blank, longest, zoomed}. A frame is blank when a chart that has been
// drawn once has no line with a path in it, or when its drawing node was replaced.
(() => {
  const probe = { frames: 0, blank: 0, longest: 0, replaced: 0, stop: false };
  const seen = new Map();
  let before = performance.now();
  const look = (now) => {
    if (probe.stop) return;
    probe.frames += 1;
    probe.longest = Math.max(probe.longest, now - before);
    before = now;
    const sections = document.querySelectorAll(".thaw-curves [data-chart]");
    let blank = sections.length === 0;
    for (const section of sections) {
      const svg = section.querySelector(".main-svg");
      const lines = [...section.querySelectorAll(".scatterlayer .js-line")].filter((line) => (line.getAttribute("d") ?? "").length > 4);
      if (!svg || lines.length === 0 || svg.getBoundingClientRect().width === 0) blank = true;
      const name = section.dataset.chart;
      if (seen.has(name) && seen.get(name) !== svg) probe.replaced += 1;
      seen.set(name, svg);
    }
    if (blank) probe.blank += 1;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.curvesProbe = probe;
})();
