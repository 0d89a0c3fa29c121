// What went wrong for the person as a whole: in a box, with what they can do about it.

import { announce } from "./toast.js";
import { advice, labelOf, remedy, titleOf } from "./problems.js";
import { text } from "./texts.js";

const box = document.getElementById("notice");
const title = box.querySelector("h2");
const lines = box.querySelector("div");
const button = box.querySelector("button");

let shown = null;
let ticking;

// Shows the person's problem, or nothing. A new one gets the focus, and so is read aloud.
export function showProblem(person, act) {
  const { problem, draft } = person;
  const state = { isChanged: draft?.isChanged ?? false, waits: person.waits };
  shown = problem;
  box.hidden = problem === null;
  clearTimeout(ticking);
  if (problem === null) return;
  title.textContent = titleOf(problem);
  say(advice(problem, state));
  const does = remedy(problem, state);
  button.hidden = does === null;
  if (does) button.textContent = labelOf(problem, does);
  button.onclick = () => act(does);
  box.classList.toggle("alarming", problem.code !== "precondition_failed");
  if (!problem.told) box.focus();
  problem.told = true;
  if (problem.code === "rate_limited" && state.waits)
    ticking = setTimeout(() => countDown(person, act), 1000);
}

// A countdown is not read aloud each second; that it is over is.
function countDown(person, act) {
  if (shown !== person.problem) return;
  person.changed();
  if (!person.waits) announce(text("save.wait-over"));
}

function say(sentences) {
  if ([...lines.children].map(({ textContent }) => textContent).join() === sentences.join()) return;
  const paragraphs = sentences.map((sentence) => {
    const line = document.createElement("p");
    line.dir = "auto";
    line.textContent = sentence;
    return line;
  });
  lines.replaceChildren(...paragraphs);
}
