const signs = { finished: "check", failed: "alert", interrupted: "alert", stopped: "stop", paused: "pause", queued: "clock" };

// The mark is only changed with the state: a new node would start the pulse again.
const showMark = (root, mark, state) => {
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
