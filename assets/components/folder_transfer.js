// Sends files to /thaw/upload in packed batches (core/data/receive_batch.py has the format), and counts.
// NOTE: transfers live outside the component, so that one goes on while the person is on another page.

const PART_BYTES = 4 * 1024 * 1024;
const PARTS_IN_BATCH = 200;
const HEAD_BYTES = 18;
const IN_FLIGHT = 3;
const RETRIES = 5;
const FIRST_WAIT_MS = 500;
const REQUEST_LIMIT_MS = 120000;
const ROUNDS = 3;
const transfers = (globalThis.__thawTransfers ??= new Map());

class Refused extends Error {
  constructor(status, body) {
    super(body.what || `HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

class Cancelled extends Error {}

function token() {
  const found = document.cookie.match(/(?:^|;\s*)_streamlit_xsrf=([^;]*)/);
  return found ? found[1].replace(/^"|"$/g, "") : "";
}

const wait = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); reject(new Cancelled()); }, { once: true });
});

async function ask(method, path, body, signal) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), REQUEST_LIMIT_MS);
  const stop = () => limit.abort();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const headers = { "X-Xsrftoken": token() };
    const packed = body !== null && !(body instanceof Blob);
    if (packed) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method, headers, body: packed ? JSON.stringify(body) : body,
      signal: limit.signal, credentials: "same-origin", cache: "no-store" });
    const text = await answer.text();
    let value = {};
    try { value = text ? JSON.parse(text) : {}; } catch { value = {}; }
    if (!answer.ok) throw new Refused(answer.status, value);
    return value;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

const passing = (error) => !(error instanceof Refused) || error.status >= 500 && error.status !== 507
  || error.status === 408 || error.status === 429;

class Transfer {
  constructor() {
    this.phase = "idle";
    this.watchers = new Set();
    this.timer = null;
    this.leaving = (event) => { event.preventDefault(); event.returnValue = ""; };
  }

  changed(now = false) {
    if (now) { clearTimeout(this.timer); this.timer = null; this.watchers.forEach((tell) => tell()); return; }
    this.timer ??= setTimeout(() => { this.timer = null; this.watchers.forEach((tell) => tell()); }, 120);
  }

  enter(phase) {
    this.phase = phase;
    const busy = phase === "listing" || phase === "sending";
    (busy ? addEventListener : removeEventListener)("beforeunload", this.leaving);
    this.changed(true);
  }

  reset() {
    Object.assign(this, { id: null, files: [], error: null, result: null, unreadable: new Map(), waiting: 0 });
    this.stop = new AbortController();
    this.enter("idle");
  }

  async start(kind, title, listing) {
    this.reset();
    Object.assign(this, { kind, title, startedAt: 0 });
    const stop = this.stop;
    this.enter("listing");
    try {
      const files = await listing((found) => { this.found = found; this.changed(); });
      if (stop.signal.aborted) return;
      if (!files.length) throw new Refused(0, { what: "", empty: true });
      this.files = files.map((file) => ({ ...file, arrived: new Set() }));
      this.bytes = files.reduce((sum, file) => sum + file.size, 0);
    } catch (error) {
      this.fail(error, stop);
      return;
    }
    await this.run();
  }

  fail(error, stop) {
    if (error instanceof Cancelled || stop !== this.stop) return;
    stop.abort();
    this.error = error;
    this.enter("failed");
  }

  async run() {
    const stop = (this.stop = new AbortController());
    Object.assign(this, { error: null, waiting: 0, unreadable: new Map(), startedAt: performance.now(),
      startedBytes: this.arrivedBytes() });
    this.enter("sending");
    try {
      if (!this.id) {
        const plan = { files: this.files.length, bytes: this.bytes, title: this.title, kind: this.kind };
        this.id = (await this.retry(() => ask("POST", "/thaw/upload", plan, stop.signal), stop)).id;
      }
      for (let round = 1; ; round += 1) {
        await this.sendMissing(stop);
        if (this.unreadable.size) { this.enter("unreadable"); return; }
        try { await this.finish(stop); return; } catch (error) {
          if (!(error instanceof Refused) || error.status !== 409 || round === ROUNDS) throw error;
          this.forget(error.body.missing || []);
        }
      }
    } catch (error) {
      // An upload that the server no longer knows is begun anew when the person tries again.
      if (error instanceof Refused && error.status === 404) {
        this.id = null;
        this.files.forEach((file) => file.arrived.clear());
      }
      this.fail(error, stop);
    }
  }

  async finish(stop) {
    const left = new Set(this.unreadable.keys());
    const kept = this.files.filter((_, index) => !left.has(index));
    const counts = { files: kept.length, bytes: kept.reduce((sum, file) => sum + file.size, 0), skipped: [...left] };
    const answer = await this.retry(() => ask("POST", `/thaw/upload/${this.id}/finish`, counts, stop.signal), stop);
    this.result = { id: this.id, kind: this.kind, title: this.title, files: answer.files, bytes: answer.bytes, skipped: answer.skipped };
    this.files = [];
    this.enter("done");
  }

  async goWithout() {
    const stop = this.stop;
    this.enter("sending");
    try { await this.finish(stop); } catch (error) { this.fail(error, stop); }
  }

  cancel() {
    const { id } = this;
    this.stop.abort();
    this.reset();
    if (id) ask("DELETE", `/thaw/upload/${id}`, null, new AbortController().signal).catch((error) => console.info("Thaw:", error.message));
  }

  forget(missing) {
    for (const [index, part] of missing) {
      if (part < 0) this.files[index]?.arrived.clear(); else this.files[index]?.arrived.delete(part);
    }
  }

  *missingParts() {
    for (const [index, file] of this.files.entries()) {
      const parts = Math.max(1, Math.ceil(file.size / PART_BYTES));
      for (let part = 0; part < parts; part += 1) {
        if (!file.arrived.has(part) && !this.unreadable.has(index)) yield [index, part];
      }
    }
  }

  async sendMissing(stop) {
    const queue = this.missingParts();
    let next = queue.next();
    const length = ([index, part]) => Math.min(PART_BYTES, this.files[index].size - part * PART_BYTES);
    const take = () => {
      const batch = [];
      for (let bytes = 0; !next.done && batch.length < PARTS_IN_BATCH; next = queue.next()) {
        bytes += length(next.value);
        if (batch.length && bytes > PART_BYTES) break;
        batch.push(next.value);
      }
      return batch;
    };
    const worker = async () => {
      for (let batch = take(); batch.length; batch = take()) {
        if (stop.signal.aborted) throw new Cancelled();
        const sent = await this.sendBatch(batch, length, stop);
        for (const [index, part] of sent) this.files[index].arrived.add(part);
        this.changed();
      }
    };
    let first = null;
    const guarded = () => worker().catch((error) => { first ??= error; stop.abort(); });
    await Promise.all(Array.from({ length: IN_FLIGHT }, guarded));
    if (first) throw first;
  }

  // NOTE: at first the browser reads the files while it sends them, which is quicker than reading them here. It
  // does not say which one it could not read, so after a failure each is read on its own.
  async sendBatch(batch, length, stop) {
    let packed = await this.refer(batch, length);
    let failures = 0;
    await this.retry(async () => {
      if (failures > 0) packed = await this.pack(packed.sent, length);
      failures += 1;
      if (packed.sent.length) await ask("PUT", `/thaw/upload/${this.id}`, packed.body, stop.signal);
    }, stop);
    return packed.sent;
  }

  async refer(batch, length) {
    const pieces = [];
    const sent = [];
    for (const [index, part] of batch) {
      const entry = this.files[index];
      const start = part * PART_BYTES;
      try {
        const file = await entry.open();
        if (file.size !== entry.size) throw new Error("changed");
        pieces.push(this.head(index, part, entry), file.slice(start, start + length([index, part])));
        sent.push([index, part]);
      } catch (error) {
        this.unreadable.set(index, error.message);
      }
    }
    return { body: new Blob(pieces), sent };
  }

  async pack(batch, length) {
    const read = batch.filter(([index]) => !this.unreadable.has(index)).map(async ([index, part]) => {
      const entry = this.files[index];
      const start = part * PART_BYTES;
      try {
        const file = await entry.open();
        const data = await file.slice(start, start + length([index, part])).arrayBuffer();
        if (file.size !== entry.size || data.byteLength !== length([index, part])) throw new Error("changed");
        return { place: [index, part], pieces: [this.head(index, part, entry), data] };
      } catch (error) {
        this.unreadable.set(index, error.message);
        return null;
      }
    });
    const packed = (await Promise.all(read)).filter(Boolean);
    return { body: new Blob(packed.flatMap(({ pieces }) => pieces)), sent: packed.map(({ place }) => place) };
  }

  head(index, part, entry) {
    const name = new TextEncoder().encode(entry.name);
    const head = new Uint8Array(HEAD_BYTES + name.length);
    const view = new DataView(head.buffer);
    view.setUint32(0, index);
    view.setUint32(4, part);
    view.setBigUint64(8, BigInt(entry.size));
    view.setUint16(16, name.length);
    head.set(name, HEAD_BYTES);
    return head;
  }

  async retry(attempt, stop) {
    for (let tried = 0; ; tried += 1) {
      try { return await attempt(); } catch (error) {
        if (stop.signal.aborted) throw new Cancelled();
        if (!passing(error) || tried === RETRIES) throw error;
        this.waiting += 1;
        this.changed();
        try { await wait(FIRST_WAIT_MS * 2 ** tried * (1 + Math.random() / 4), stop.signal); }
        finally { this.waiting -= 1; this.changed(); }
      }
    }
  }

  arrivedBytes() {
    return this.files.reduce((sum, file) => sum + (file.arrived.size * PART_BYTES >= file.size && file.arrived.size
      ? file.size : file.arrived.size * PART_BYTES), 0);
  }

  arrivedFiles() {
    return this.files.filter((file) => file.arrived.size >= Math.max(1, Math.ceil(file.size / PART_BYTES))).length;
  }
}
