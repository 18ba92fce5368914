// Keys of the viewer. Those that follow links (arrows, Escape) are the whole dashboard's; see app.js.

const PAN = 80; // CSS pixels
const ARROWS = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };
const SETTING = "viewer-keys";

const ACTIONS = {
  "?": "help",
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  "0": "fit",
  f: "fit",
  z: "full-size",
  s: "swipe",
  d: "side",
  h: "overlay",
  c: "colours",
  a: "all-classes",
  i: "say",
  "[": "fainter",
  "]": "stronger",
};

/** Whether letters and digits do something; whoever dictates text to a computer wants them off. */
export function lettersAreOn() { return localStorage.getItem(SETTING) !== "off"; }

export function switchLetters(on) { localStorage.setItem(SETTING, on ? "on" : "off"); }

/**
 * @param {(action: string) => void} act does what a key or a button stands for.
 * @param {(number: number, isRight: boolean) => void} choose shows the choice with a number, from 1 on.
 * @param {(right: number, down: number) => void} pan moves the image by CSS pixels.
 */
export function listenToKeys(act, choose, pan) {
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea, select, [role=slider]") || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.shiftKey && event.key in ARROWS) {
      pan(...ARROWS[event.key]);
      event.preventDefault();
    } else if (lettersAreOn() || event.key === "?") {
      const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
      if (digit) choose(Number(digit), event.shiftKey);
      else if (event.key in ACTIONS) act(ACTIONS[event.key]);
      else return;
      event.preventDefault();
    }
  }, true); // before app.js, which leaves alone what was done here
}
