// Every class has a colour and a line pattern, so that neither alone has to tell it, and a key.
// Colours: Okabe and Ito's eight for all kinds of colour vision (jfly.uni-koeln.de/color, 2008).

const STYLES = {
  pore: { colour: "#56b4e9", dash: "" },
  crack: { colour: "#d55e00", dash: "9 4" },
  slag_inclusion: { colour: "#f0e442", dash: "2 4" },
  looseness: { colour: "#cc79a7", dash: "12 4 2 4" },
  particle: { colour: "#009e73", dash: "5 3" },
  artefact: { colour: "#b8b8b8", dash: "3 5" },
};
const OTHERS = [
  { colour: "#0072b2", dash: "14 5" },
  { colour: "#e69f00", dash: "6 2 2 2 2 2" },
];
export const UNSAID = { colour: "#ffffff", dash: "" }; // a finding whose verdict is not to be shown
export const DEFAULT_CLASSES = Object.keys(STYLES);
const TAKEN = new Set("unbhmdx"); // keys that mean something else

export function styleOf(name) {
  if (name === null || name === undefined) return UNSAID;
  if (STYLES[name]) return STYLES[name];
  const sum = [...name].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return OTHERS[sum % OTHERS.length];
}

export const words = (name) => (name ?? "not said").replaceAll("_", " ");

/** Return {class: key}: x for artefact, else the first letter of the name that is still free. */
export function keysOf(names) {
  const keys = {};
  const used = new Set(TAKEN);
  for (const name of names) {
    const key = name === "artefact" ? "x" : [...name].find((letter) => /[a-z]/.test(letter) && !used.has(letter));
    if (key) keys[name] = key;
    used.add(key);
  }
  return keys;
}
