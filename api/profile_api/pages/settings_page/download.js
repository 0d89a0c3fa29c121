// All that is kept about a person, as a file of theirs.

import { titleOf } from "./problems.js";
import { size, text } from "./texts.js";
import { announce } from "./toast.js";
import { Turn } from "./turn.js";

const section = document.getElementById("data");
const button = section.querySelector("button");
const progress = section.querySelector("[role=status]");
const failed = section.querySelector(".error");

const turn = new Turn();
let service = null; // whose file it is
let busy = false;

// Offers the file of this person; one under way for somebody else is dropped.
export function offerDownload(person) {
  section.hidden = person.draft === null;
  if (person.service === service) return;
  service = person.service;
  turn.end();
  show(false);
  failed.textContent = "";
}

button.addEventListener("click", async () => {
  if (busy) return;
  const mine = turn.begin();
  failed.textContent = "";
  show(true, 0);
  try {
    const file = await service.export(mine, (bytes) => mine.aborted || show(true, bytes));
    if (mine.aborted) return;
    keep(file);
    announce(text("data.done"));
  } catch (problem) {
    if (mine.aborted) return;
    failed.textContent = `${titleOf(problem)} ${text("do.retry")}.`;
  }
  show(false);
});

function show(on, bytes = 0) {
  busy = on;
  button.setAttribute("aria-disabled", String(on));
  progress.textContent = on ? text("data.progress", { size: size(bytes) }) : "";
}

function keep(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `profile-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading it
}
