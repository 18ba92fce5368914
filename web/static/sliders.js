// The CRF of a try: sliders say their value; on the viewer's page a change is tried at once, while the last one is still seen.

const PAUSE = 300; // milliseconds between two looks whether it is done

document.addEventListener("input", (event) => {
  const output = event.target.form?.querySelector(`output[for="${CSS.escape(event.target.id)}"]`);
  if (output) output.value = event.target.value;
});

const form = document.querySelector("form[data-again]");
let latest = 0; // only the newest change is shown

/** Follow an answer until what it leads to is done; the address of that. */
async function settle(answer) {
  while (answer.ok && new URL(answer.url).pathname.includes("/tries/")) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.querySelector("#waiting[hx-get]")) break; // it has failed, and its page says why
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    answer = await fetch(answer.url);
  }
  return answer.url;
}

async function tryAgain() {
  const mine = (latest += 1);
  const note = form.querySelector("[role=status]");
  note.textContent = "Segmenting…";
  try {
    const address = await settle(await fetch(form.action, { method: "POST", body: new FormData(form) }));
    if (mine === latest) location.replace(address + location.hash);
  } catch {
    note.textContent = "Can't reach the server.";
  }
}

form?.addEventListener("change", tryAgain);
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  tryAgain();
});
