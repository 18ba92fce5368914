// Uploads files part by part, and submits the job that imports them.

const form = document.getElementById("upload");
const setting = (name) => form.getAttribute(`data-${name}`); // its field "dataset" hides form.dataset
const byId = (id) => document.getElementById(id);
const TRIES = 5; // of a part, while the server does not answer or has no time
const PAUSE = 2000; // milliseconds between two of them
let stopped = false;
let finished = null; // what was sent last, and its id: a name that is refused must not cost a second upload

class Refused extends Error {
  constructor(message, fields) {
    super(message);
    this.fields = fields;
  }
}

const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Ask the API; what may pass is asked again, and what it refuses is thrown with its sentences. */
async function ask(address, options) {
  for (let left = TRIES; ; left -= 1) {
    const response = await fetch(address, options).catch(() => null);
    if (response?.ok) return response.json();
    if (left > 1 && !stopped && (!response || [429, 502, 503, 504].includes(response.status))) {
      await wait(PAUSE);
      continue;
    }
    throw await refusal(response);
  }
}

/** The sentences of an answer: problem details. */
async function refusal(response) {
  if (!response) return new Refused("The server does not answer; try again later.", {});
  const problem = await response.json().catch(() => ({}));
  const named = (problem.errors ?? []).map((each) => [each.pointer?.split("/")[1] ?? each.parameter, each.detail]);
  return new Refused(problem.detail ?? `The server answered ${response.status}.`, Object.fromEntries(named));
}

const post = (address, body) =>
  ask(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const chosen = () => [...byId("field-files").files, ...byId("field-folder").files];

async function send(files) {
  const n_bytes = files.reduce((sum, file) => sum + file.size, 0);
  const begun = await post(setting("uploads"), { n_files: files.length, n_bytes });
  const address = `${setting("uploads")}/${begun.id}`;
  try {
    let sent = 0;
    for (const file of files) {
      const name = file.webkitRelativePath || file.name;
      for (let offset = 0; offset === 0 || offset < file.size; offset += begun.part_bytes) {
        if (stopped) throw new Refused("Stopped.", {});
        const body = file.slice(offset, offset + begun.part_bytes);
        const query = new URLSearchParams({ name, offset });
        await ask(`${address}?${query}`, { method: "PUT", headers: { "Content-Type": "application/octet-stream" }, body });
        sent += body.size;
        show(sent, n_bytes, name);
      }
    }
    return await post(`${address}/finish`, {});
  } catch (error) {
    await fetch(address, { method: "DELETE" }).catch(() => null);
    throw error;
  }
}

function show(sent, total, name) {
  const progress = byId("upload-progress");
  progress.hidden = false;
  progress.querySelector("progress").value = total ? sent / total : 1;
  progress.querySelector("p").textContent = `${Math.floor((100 * sent) / Math.max(total, 1))} % · ${name}`;
}

/** What is wrong with a field; "is required." needs its name before it. */
function asSentence(name, fields) {
  const title = form.querySelector(`label[for="field-${name}"]`)?.firstChild.textContent.trim() ?? "";
  const text = fields[name];
  return text && /^[a-z]/.test(text) ? `${title} ${text}` : text;
}

function showErrors(message, fields) {
  for (const element of form.querySelectorAll(".field-error")) {
    const sentence = asSentence(element.id.replace("error-", ""), fields);
    element.hidden = !sentence;
    element.textContent = sentence ?? "";
    const input = byId(element.id.replace("error-", "field-"));
    input?.classList.toggle("is-invalid", Boolean(sentence));
    input?.toggleAttribute("aria-invalid", Boolean(sentence));
    if (sentence) element.closest("details")?.setAttribute("open", "");
  }
  const others = Object.entries(fields).filter(([name]) => !byId(`error-${name}`)).map(([name, text]) => `${name} ${text}`);
  const text = others.join(" ") || (Object.keys(fields).length ? "" : message);
  byId("upload-error").hidden = !text;
  byId("upload-error").textContent = text;
}

function check(files) {
  const n_bytes = files.reduce((sum, file) => sum + file.size, 0);
  const [mostBytes, mostFiles] = [setting("most-bytes"), setting("most-files")];
  if (!files.length) return { source: "Choose an archive, files or a folder." };
  if (files.length > Number(mostFiles)) return { source: `These are ${files.length} files; the limit is ${mostFiles}.` };
  if (n_bytes > Number(mostBytes)) return { source: `These are ${n_bytes} bytes; the limit is ${mostBytes}.` };
  if (!byId("field-dataset").value.trim()) return { dataset: "is required." };
  return null;
}

function busy(isBusy) {
  form.querySelector("button[type=submit]").disabled = isBusy;
  byId("upload-stop").hidden = !isBusy;
  if (!isBusy) byId("upload-progress").hidden = true;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = chosen();
  const wrong = check(files);
  showErrors("", wrong ?? {});
  if (wrong) return;
  stopped = false;
  busy(true);
  try {
    const key = JSON.stringify(files.map((file) => [file.webkitRelativePath, file.name, file.size, file.lastModified]));
    if (finished?.key !== key) finished = { key, id: (await send(files)).id };
    const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    const share = values.val_share === undefined ? {} : { val_share: Number(values.val_share) };
    const job = await post(setting("jobs"), {
      kind: "import", ...values, ...share, seed: Number(values.seed ?? 0), source: `upload:${finished.id}`,
    });
    location.assign(setting("page").replace(/1$/, job.id));
  } catch (error) {
    busy(false);
    showErrors(error.message, error.fields ?? {});
  }
});

byId("upload-stop").addEventListener("click", () => { stopped = true; });
