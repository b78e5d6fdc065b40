// The drop area: chooses a folder or one zip, shows how far its transfer is, tells Python when all is there.

const NAMES_SHOWN = 5;
const mounted = new WeakMap();

const known = (file, name) => ({ name, size: file.size, open: async () => file });

async function walk(entry, into, report) {
  if (entry.isFile) {
    const open = () => new Promise((resolve, reject) => entry.file(resolve, reject));
    let size = 0;
    try { size = (await open()).size; } catch { size = 0; }
    into.push({ name: entry.fullPath.replace(/^\//, ""), size, open });
    report(into.length);
    return;
  }
  const reader = entry.createReader();
  // NOTE: one call gives at most 100 entries; only an empty answer is the end.
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const inner of entries) await walk(inner, into, report);
  }
}

function startFolder(transfer, list) {
  const files = [...list].map((file) => known(file, file.webkitRelativePath || file.name));
  transfer.start("folder", files[0]?.name.split("/")[0] ?? "", async () => files);
}

function startZip(transfer, file) {
  transfer.start("zip", file.name, async () => [known(file, file.name)]);
}

function startDrop(transfer, items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return;
  if (entries.length === 1 && entries[0].isFile && /\.zip$/i.test(entries[0].name)) {
    entries[0].file((file) => startZip(transfer, file), (error) => { transfer.reset(); transfer.fail(error, transfer.stop); });
    return;
  }
  transfer.start("folder", entries.length === 1 ? entries[0].name : "", async (report) => {
    const files = [];
    for (const entry of entries) await walk(entry, files, report);
    return files;
  });
}

function sizeText(bytes, numbers) {
  const unit = bytes >= 1e9 ? ["GB", 1e9, 1] : bytes >= 1e6 ? ["MB", 1e6, 0] : ["kB", 1e3, 0];
  return `${numbers(bytes / unit[1], unit[2])} ${unit[0]}`;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

function timeLeft(transfer, labels, numbers) {
  const seconds = (performance.now() - transfer.startedAt) / 1000;
  const done = transfer.arrivedBytes() - transfer.startedBytes;
  if (transfer.phase !== "sending" || seconds < 1.5 || done <= 0) return "";
  const left = (transfer.bytes - transfer.startedBytes - done) * seconds / done;
  return left < 90 ? fill(labels.seconds_left, { n: numbers(Math.max(1, Math.ceil(left)), 0) })
    : fill(labels.minutes_left, { n: numbers(Math.round(left / 60), 0) });
}

function texts(transfer, labels, numbers) {
  const { phase, error, result } = transfer;
  const count = (n) => numbers(n, 0);
  switch (phase) {
    case "listing": return [labels.listing, fill(labels.found, { files: count(transfer.found ?? 0) })];
    case "sending": return [labels.sending, transfer.waiting ? labels.retrying : labels.stay];
    case "unreadable": return [fill(labels.unreadable, { files: count(transfer.unreadable.size) }), labels.unreadable_hint];
    case "failed": return error?.body?.empty ? [labels.empty, labels.empty_hint]
      : [error?.body?.what || labels.failed, error?.body?.what ? error.body.fix || labels.kept : labels.failed_hint];
    case "done": return [result.kind === "zip" ? fill(labels.done_zip, { size: sizeText(result.bytes, numbers) })
      : fill(labels.done, { files: count(result.files), size: sizeText(result.bytes, numbers) }),
      result.skipped ? fill(labels.skipped, { files: count(result.skipped) }) : labels.done_hint];
    default: return [labels.title, labels.hint];
  }
}

const ACTIONS = {
  idle: ["folder", "zip"], listing: ["cancel"], sending: ["cancel"],
  unreadable: ["again", "without", "cancel"], failed: ["again", "cancel"], done: ["folder", "zip"],
};

function render(root, transfer, labels, numbers) {
  const part = (selector) => root.querySelector(selector);
  const { phase } = transfer;
  const box = part(".upload");
  const moved = box.dataset.phase !== phase;
  const hadFocus = root.contains(root.activeElement ?? document.activeElement);
  box.dataset.phase = phase;
  const [title, hint] = texts(transfer, labels, numbers);
  const counted = phase === "sending" || phase === "failed" && transfer.files.length > 0;
  const bytes = counted ? transfer.arrivedBytes() : 0;
  const share = transfer.bytes ? bytes / transfer.bytes : 0;
  part('[data-text="title"]').textContent = title;
  part('[data-text="hint"]').textContent = hint;
  part(".bar").hidden = !counted;
  part(".numbers").hidden = !counted;
  if (counted) {
    const values = { done: numbers(transfer.arrivedFiles(), 0), total: numbers(transfer.files.length, 0),
      sent: sizeText(bytes, numbers), size: sizeText(transfer.bytes, numbers) };
    part(".bar span").style.setProperty("--share", share);
    part(".bar").setAttribute("aria-valuenow", Math.round(share * 100));
    part(".bar").setAttribute("aria-label", labels.sending);
    part('[data-text="count"]').textContent = fill(transfer.kind === "zip" ? labels.progress_zip : labels.progress, values);
    part('[data-text="left"]').textContent = timeLeft(transfer, labels, numbers);
  }
  renderNames(part(".names"), transfer, labels, numbers);
  for (const button of root.querySelectorAll("button")) {
    button.hidden = !ACTIONS[phase].includes(button.dataset.do);
    button.textContent = labels[phase === "done" && button.dataset.do === "folder" ? "another" : button.dataset.do];
  }
  if (moved) {
    part(".spoken").textContent = `${title} ${hint}`;
    if (hadFocus) root.querySelector("button:not([hidden])")?.focus();
  }
}

function renderNames(list, transfer, labels, numbers) {
  const indexes = transfer.phase === "unreadable" ? [...transfer.unreadable.keys()] : [];
  const lines = indexes.slice(0, NAMES_SHOWN).map((index) => transfer.files[index].name);
  if (indexes.length > NAMES_SHOWN) lines.push(fill(labels.more, { files: numbers(indexes.length - NAMES_SHOWN, 0) }));
  list.hidden = !lines.length;
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
}

function connect(root, box, transfer) {
  const folder = root.querySelector(".pick-folder");
  const zip = root.querySelector(".pick-zip");
  folder.onchange = () => { if (folder.files.length) startFolder(transfer, folder.files); else transfer.changed(true); folder.value = ""; };
  zip.onchange = () => { if (zip.files.length) startZip(transfer, zip.files[0]); zip.value = ""; };
  const actions = { folder: () => folder.click(), zip: () => zip.click(), again: () => (transfer.files.length ? transfer.run() : transfer.reset()),
    without: () => transfer.goWithout(), cancel: () => transfer.cancel() };
  for (const button of root.querySelectorAll("button")) button.onclick = () => actions[button.dataset.do]();
  const free = () => transfer.phase === "idle" || transfer.phase === "done";
  box.ondragover = (event) => { event.preventDefault(); if (free()) box.dataset.over = ""; };
  box.ondragleave = (event) => { if (!box.contains(event.relatedTarget)) delete box.dataset.over; };
  box.ondrop = (event) => { event.preventDefault(); delete box.dataset.over; if (free()) startDrop(transfer, event.dataTransfer.items); };
}

export default function ({ data, parentElement, setStateValue }) {
  const { labels, name, taken } = data;
  if (!transfers.has(name)) { transfers.set(name, new Transfer()); transfers.get(name).reset(); }
  const transfer = transfers.get(name);
  const root = parentElement;
  const numbers = (value, digits) => new Intl.NumberFormat(document.documentElement.lang || "en", { maximumFractionDigits: digits }).format(value);
  if (transfer.phase === "done" && transfer.result.id === taken) transfer.reset();
  mounted.get(root)?.();
  const tell = () => {
    render(root, transfer, labels, numbers);
    if (transfer.phase === "done" && transfer.reported !== transfer.result.id) {
      transfer.reported = transfer.result.id;
      setStateValue("done", transfer.result);
    }
  };
  const leave = () => transfer.watchers.delete(tell);
  mounted.set(root, leave);
  transfer.watchers.add(tell);
  connect(root, root.querySelector(".upload"), transfer);
  tell();
  return () => { leave(); if (transfer.phase === "done") transfer.reported = null; };
}
