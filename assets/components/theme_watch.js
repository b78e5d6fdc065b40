// Tells Python when the page turns light or dark: what it drew in fixed colours is then drawn anew.
const watched = new WeakMap();

export default function ({ parentElement, setTriggerValue }) {
  // In a shadow root of its own, as here, the parent is no element; what holds it is.
  const host = parentElement.host ?? parentElement;
  const shown = () => getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const state = watched.get(parentElement) ?? { colour: shown() };
  state.tell = () => setTriggerValue("turned", true);
  if (watched.has(parentElement)) return;
  watched.set(parentElement, state);
  // No event covers both the system's setting and Streamlit's own menu.
  const timer = setInterval(() => {
    const colour = shown();
    if (!colour || colour === state.colour) return;
    state.colour = colour;
    state.tell();
  }, 500);
  return () => {
    clearInterval(timer);
    watched.delete(parentElement);
  };
}
