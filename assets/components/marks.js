const signs = { finished: "check", failed: "alert", interrupted: "alert", stopped: "stop", paused: "pause", queued: "clock" };

// The dot's pulse and the sliding bar are moved twice a second from here. NOTE: as CSS animations
// they had the page redrawn 60 times a second, and without a graphics card that took most of a core
// from the training they stand for.
const beating = new WeakSet();
const keepBeating = (root) => {
  if (beating.has(root) || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  beating.add(root);
  let beat = 0;
  const timer = setInterval(() => {
    if (!root.isConnected) {
      clearInterval(timer);
      beating.delete(root);
      return;
    }
    beat += 1;
    const along = beat % 12;
    root.style.setProperty("--beat", beat % 2);
    root.style.setProperty("--at", `${(along < 6 ? along : 12 - along) * 38.9}%`);
  }, 500);
};

// The mark is only changed with the state: a new node would start the pulse again.
const showMark = (root, mark, state) => {
  keepBeating(root);
  if (root.dataset.state === state) return;
  root.dataset.state = state;
  mark.replaceChildren(signs[state] ? draw(signs[state]) : make("span", "dot alive"));
};

const showShare = (track, share, spoken) => {
  const known = share !== null && share !== undefined;
  track.classList.toggle("unknown", !known);
  setAttribute(track, "aria-valuetext", spoken);
  if (!known) {
    track.removeAttribute("aria-valuenow");
    return;
  }
  const percent = Math.round(1000 * share) / 10;
  track.firstElementChild.style.width = `${percent}%`;
  setAttribute(track, "aria-valuenow", Math.round(percent));
};
