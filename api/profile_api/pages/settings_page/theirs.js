// What another tab saved meanwhile, beside the field that a person has typed in.

export function showTheirs(element, sentence, take) {
  element.hidden = sentence === null;
  if (sentence === null) return element.replaceChildren();
  if (element.firstChild?.textContent === sentence) return;
  const told = document.createElement("p");
  told.textContent = sentence;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Use that instead";
  button.addEventListener("click", take);
  element.replaceChildren(told, button);
}
