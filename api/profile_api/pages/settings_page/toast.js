// Brief news at the foot of the page, which needs no answer.

const status = document.getElementById("status");
let fading;

export function announce(text) {
  clearTimeout(fading);
  status.textContent = text;
  status.classList.add("shown");
  fading = setTimeout(() => status.classList.remove("shown"), 4000);
}
