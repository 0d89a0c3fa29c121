// What another tab saved meanwhile, beside the field that a person has typed in.

import { fill, text } from "./texts.js";

// `key` of the sentence, null where there is nothing to say.
export function showTheirs(element, key, values, take) {
  const shows = key === null ? "" : JSON.stringify([key, values]);
  element.hidden = key === null;
  if ((element.dataset.shows ?? "") === shows) return;
  element.dataset.shows = shows;
  if (key === null) return element.replaceChildren();
  const sentence = document.createElement("p");
  fill(sentence, key, values);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text("theirs.use");
  button.addEventListener("click", take);
  element.replaceChildren(sentence, button);
}
