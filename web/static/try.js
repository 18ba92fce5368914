// Try a checkpoint: an image is dropped, pasted, chosen or taken with a camera, and sent at once.

const form = document.querySelector("form[data-try]");
const input = form.elements.image;
const zone = form.querySelector(".drop");
const camera = form.querySelector(".camera");
const video = camera.querySelector("video");
const opener = form.querySelector("[data-camera]");
const note = form.querySelector(".drop .field-error");

function say(sentence) {
  note.textContent = sentence;
  note.hidden = !sentence;
}

/** Put a file into the form, as if it had been chosen, and send the form. */
function send(file) {
  if (!file?.type.startsWith("image/")) return say("That is no image.");
  const files = new DataTransfer();
  files.items.add(file);
  input.files = files.files;
  say("");
  return form.requestSubmit();
}

input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });

// ---- dropped on the zone, and no other page opened by a miss ----
for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
zone.addEventListener("dragover", () => zone.classList.add("drop-over"));
for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("drop-over"));
zone.addEventListener("drop", (event) => send(event.dataTransfer.files[0]));

// ---- pasted anywhere on the page ----
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
  if (file) send(file);
});

// ---- the camera: browsers open it over HTTPS and on this machine alone ----
opener.hidden = !navigator.mediaDevices?.getUserMedia;
opener.addEventListener("click", async () => {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    return say(error.name === "NotAllowedError" ? "The browser was not allowed to use the camera." : "There is no camera.");
  }
  say("");
  camera.hidden = false;
  opener.hidden = true;
  return video.play();
});

function closeCamera() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  camera.hidden = true;
  opener.hidden = false;
}
form.querySelector("[data-stop]").addEventListener("click", closeCamera);
form.querySelector("[data-take]").addEventListener("click", () => {
  if (!video.videoWidth) return;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    closeCamera();
    send(new File([blob], "camera.jpg", { type: "image/jpeg" }));
  }, "image/jpeg", 0.95);
});
addEventListener("pagehide", closeCamera);
