// The dashboard's behaviour beyond links and forms. Pages work without it, but are not live.

const byId = (id) => document.getElementById(id);

// ---- live pages: htmx polls; a hidden tab asks nothing, and a server that does not answer is said so ----
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden && event.detail.ctx.sourceEvent?.type === "every") event.preventDefault();
});
const showOffline = (offline) => { byId("offline").hidden = !offline; };
document.addEventListener("htmx:error", () => showOffline(true));
document.addEventListener("htmx:after:request", (event) => showOffline(event.detail.ctx.response.status >= 500));

// ---- the log stays at its end, unless the reader has scrolled up ----
let logAtEnd = true;
const log = () => byId("log");
const scrollLog = () => { if (log() && logAtEnd) log().scrollTop = log().scrollHeight; };
document.addEventListener("scroll", (event) => {
  if (event.target.id === "log") {
    logAtEnd = event.target.scrollHeight - event.target.scrollTop - event.target.clientHeight < 24;
  }
}, true);
document.addEventListener("htmx:after:swap", scrollLog);
scrollLog();

// ---- forms: ask before what cannot be undone, and send once ----
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = form.getAttribute("data-confirm"); // a field named dataset would hide form.dataset
  if (question && !confirm(question)) {
    event.preventDefault();
    return;
  }
  if (form.hasAttribute("data-once")) {
    for (const button of form.querySelectorAll("button:not([type=button])")) button.disabled = true;
  }
});
// The browser may show a page from its memory again, with the buttons as they were left.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-once] button:disabled")) button.disabled = false;
});

// ---- lists of choices take effect at once ----
document.addEventListener("change", (event) => {
  if ("submit" in event.target.dataset) event.target.form.requestSubmit();
});

// ---- ticks: buttons that act on ticked lines wait for one ----
const ticksOf = (form) => [...form.querySelectorAll("tbody input[type=checkbox]")];
const showTicks = () => {
  for (const form of document.querySelectorAll("form[data-ticks]")) {
    const ticks = ticksOf(form);
    const n = ticks.filter((tick) => tick.checked).length;
    for (const button of form.querySelectorAll(".bulk-actions button")) button.disabled = n === 0;
    const all = form.querySelector("[data-tick-all]");
    all.checked = n === ticks.length;
    all.indeterminate = n > 0 && n < ticks.length;
  }
};
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-ticks]");
  if (!form) return;
  if ("tickAll" in event.target.dataset) for (const tick of ticksOf(form)) tick.checked = event.target.checked;
  showTicks();
});
document.addEventListener("htmx:after:swap", showTicks);
addEventListener("pageshow", showTicks);

// ---- the picker of folders and files on the server ----
let pickInto = null;
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-pick]");
  const choice = event.target.closest("[data-choose]");
  if (opener) {
    pickInto = byId(opener.dataset.into);
    const query = new URLSearchParams({ for: opener.dataset.pick });
    if (opener.dataset.pick === "folder" && pickInto.value.trim()) query.set("path", pickInto.value.trim());
    htmx.ajax("GET", `${opener.dataset.address}?${query}`, { target: "#picker-content", swap: "innerHTML" });
    byId("picker").showModal();
  }
  // What is shown until the answer comes is another folder's: nothing in it can be chosen.
  if (opener || event.target.closest("#picker-content [hx-get]")) byId("picker-content").inert = true;
  if (choice) {
    pickInto.value = choice.dataset.choose;
    pickInto.dispatchEvent(new Event("change", { bubbles: true }));
    byId("picker").close();
    pickInto.focus();
  }
});
for (const answered of ["htmx:after:swap", "htmx:finally:request"]) {
  document.addEventListener(answered, () => {
    const content = byId("picker-content");
    if (!content?.inert) return;
    content.inert = false;
    content.querySelector(".picker-path")?.focus(); // what was focused is gone; whoever hears the page hears the folder
  });
}

// ---- masks over images: one slider for all of them, remembered ----
const setOpacity = (percent) => {
  document.documentElement.style.setProperty("--mask-opacity", percent / 100);
  for (const output of document.querySelectorAll("output[for=opacity]")) output.value = `${percent}\u202f%`;
};
const slider = byId("opacity");
if (slider) {
  slider.value = localStorage.getItem("mask-opacity") ?? slider.value;
  setOpacity(slider.value);
}
document.addEventListener("input", (event) => {
  if (event.target.id !== "opacity") return;
  setOpacity(event.target.value);
  localStorage.setItem("mask-opacity", event.target.value);
});

// ---- menus close when something else is clicked, or by Escape ----
const closeMenus = (but) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== but) menu.open = false;
};
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeMenus(); });

// ---- pictures that were put off are asked for again; those whose files are gone are marked ----
const askAgain = async (picture) => {
  const response = await import("./patience.js").then(({ fetchPatiently }) => fetchPatiently(picture.src)).catch(() => null);
  if (!response?.ok || picture.dataset.again) {
    if ("optional" in picture.dataset) return picture.remove(); // the picture below it can be seen all the same
    return picture.closest(".layers")?.classList.add("gone");
  }
  picture.dataset.again = "1";
  picture.src = picture.src; // loads it again
};
let asking = Promise.resolve(); // for one picture of the page after the other, or the server would do little else
document.addEventListener("error", (event) => {
  const picture = event.target;
  if (picture.matches?.(".layers img, img.film")) asking = asking.then(() => askAgain(picture));
}, true);

// ---- the gallery's choices take effect at once; an order of a class needs one ----
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (!event.target.matches("select") || !form?.matches(".question")) return;
  const order = form.elements.sort;
  if (order.selectedOptions[0]?.dataset.of === "class" && !form.querySelector("select[name=class]").value) order.selectedIndex = 0;
  form.requestSubmit();
});

// ---- keys: links that name one are followed by it ----
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return; // the key has done something else
  document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
});
