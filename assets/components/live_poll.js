// Newer data of a run than Python mounted: asked for about once a second, once a tab however many parts
// follow it, and not at all while nobody sees the tab.
const ASK_EVERY = 1000;
const DRAW_AGAIN_AFTER = 5000;
const AT_REST_AFTER = 1500;

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

const noteHands = () => {
  if (window.thawTouched !== undefined) return;
  window.thawTouched = -Infinity;
  const note = () => (window.thawTouched = performance.now());
  ["pointerdown", "click", "keydown", "popstate"].forEach((kind) => window.addEventListener(kind, note, true));
};

// NOTE: not while another page may be on its way. A fragment's run names the page that it was asked from, and
// Streamlit takes that for a change of page: what it has drawn of the new one is thrown away, and nothing
// draws it again. Each way to another page begins with a press or a key; then the script runs.
const isAtRest = () => {
  const state = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
  return performance.now() - window.thawTouched > AT_REST_AFTER && (state ?? "notRunning") === "notRunning";
};

// When each part was mounted last, and when its fragment was asked to draw itself anew since.
const followed = new WeakMap();

// Let a part hear what is newer of a run, and ask for its fragment to be drawn anew in another turn. `hear`
// shows what came and returns its turn, and after how many milliseconds the fragment is old in any turn.
const followRun = (part, { live, turn }, setTriggerValue, hear) => {
  noteHands();
  const mount = { at: performance.now(), asked: -Infinity };
  followed.set(part, mount);
  listen(part, live, (fresh) => {
    const newer = hear(fresh);
    const now = performance.now();
    if (newer.turn === turn && now - mount.at <= newer.after) return;
    if (followed.get(part) !== mount || !part.isConnected || !isAtRest()) return;
    if (now - mount.asked <= DRAW_AGAIN_AFTER) return;
    mount.asked = now;
    setTriggerValue("turn", newer.turn);
  });
};
