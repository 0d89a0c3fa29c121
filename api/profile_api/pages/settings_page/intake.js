// The ways in which a file comes: chosen, dropped anywhere, pasted.

const element = (id) => document.getElementById(id);
const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");

// `take` is given each file; `welcome` says whether there is a use for one.
export function acceptFiles(take, welcome) {
  const offer = (files) => {
    if (files?.length && welcome()) take(files[0]);
  };
  element("choose").addEventListener("click", () => element("file").click());
  element("file").addEventListener("change", ({ target }) => {
    offer(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    // A cell of a table comes as text and as a picture of it: the text is meant.
    if (!clipboardData.types.includes("text/plain")) offer(clipboardData.files);
  });
  const hover = (on) => element("picture").classList.toggle("hovered", on && welcome());
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hover(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? hover(false));
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hover(false);
    offer(event.dataTransfer.files);
  });
}
