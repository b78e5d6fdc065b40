// A box that scrolls inside itself. The classes say where more of it lies; scroll_box.css fades there.
const markEdges = (box) => {
  box.classList.toggle("more-above", box.scrollTop > 1);
  box.classList.toggle("more-below", box.scrollTop + box.clientHeight < box.scrollHeight - 1);
};

const watchBox = (box, onSize) => {
  box.addEventListener("scroll", () => markEdges(box), { passive: true });
  new ResizeObserver(() => {
    onSize();
    markEdges(box);
  }).observe(box);
};

// Scrolls the box alone: scrollIntoView would move the whole page while it is being drawn.
const revealIn = (box, node) => {
  const [outer, inner] = [box.getBoundingClientRect(), node.getBoundingClientRect()];
  if (inner.top >= outer.top && inner.bottom <= outer.bottom) return;
  box.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
};

// Focus by key: no further than needed, and clear of the fade at the edge.
const focusNear = (node) => {
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest", inline: "nearest" });
};
