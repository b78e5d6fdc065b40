// Newer data of a run than Python mounted: asked for about once a second, once a tab however many parts
// follow it, and not at all while nobody sees the tab.
const ASK_EVERY = 1000;

const askFor = async (address) => {
  const line = window.thawLive.get(address);
  for (const part of line.parts.keys()) if (!part.isConnected) line.parts.delete(part);
  if (line.parts.size === 0) {
    window.thawLive.delete(address);
    return;
  }
  if (!document.hidden) {
    try {
      const answer = await fetch(address, { cache: "no-store" });
      if (answer.ok) {
        const fresh = await answer.json();
        line.every = fresh.again_ms;
        line.parts.forEach((hear) => hear(fresh));
      }
    } catch (error) {
      // The server is gone or busy: Streamlit says so itself, and the next one is a second away.
      console.debug("Thaw: nothing newer came.", error);
    }
  }
  line.timer = setTimeout(() => askFor(address), line.every);
};

// `part` is a component's parentElement; an empty address ends it.
const listen = (part, address, hear) => {
  window.thawLive ??= new Map();
  window.thawLive.forEach((line, other) => other !== address && line.parts.delete(part));
  if (!address) return;
  const known = window.thawLive.get(address);
  if (known) {
    known.parts.set(part, hear);
    return;
  }
  const line = { parts: new Map([[part, hear]]), every: ASK_EVERY };
  window.thawLive.set(address, line);
  line.timer = setTimeout(() => askFor(address), ASK_EVERY);
};
