// What the page says, in the first of the reader's languages that has a file `texts.<language>.js`.

import { config } from "./config.js";

function chosen() {
  for (const locale of navigator.languages)
    for (const language of [locale, new Intl.Locale(locale).language])
      if (config.languages.includes(language)) return { locale, language };
  return { locale: "en", language: "en" };
}

const { locale, language } = chosen();
const { default: TEXTS } = await import(`./texts.${language}.js`);

export const known = (key) => key in TEXTS;

export const text = (key, values = {}) =>
  TEXTS[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

// The same within an element. Values stand on their own, whatever direction they are written in;
// each is a text or an element.
export function fill(element, key, values = {}) {
  const parts = TEXTS[key].split(/\{(\w+)\}/).map((part, index) => {
    if (index % 2 === 0) return part;
    const isolated = document.createElement("bdi");
    isolated.append(values[part]);
    return isolated;
  });
  element.replaceChildren(...parts);
}

// What a field is called; one that has no words of its own here yet has those of the service.
export function label(field) {
  if (known(`label.${field}`)) return text(`label.${field}`);
  return config.fields.find(({ name }) => name === field)?.label ?? field;
}

export const hint = ({ name, hint: given }) =>
  known(`hint.${name}`) ? text(`hint.${name}`) : given;

const NUMBER = new Intl.NumberFormat(locale);
const DATE = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const PERCENT = new Intl.NumberFormat(locale, { style: "percent" });
const unit = (name, digits) =>
  new Intl.NumberFormat(locale, {
    style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: digits,
  });
const [SECONDS, MINUTES] = [unit("second", 0), unit("minute", 0)];
const [KILOBYTES, MEGABYTES] = [unit("kilobyte", 0), unit("megabyte", 1)];

export const number = (value) => NUMBER.format(value);
export const percent = (value) => PERCENT.format(value);
export const date = (value) => DATE.format(value);
export const duration = (seconds) =>
  seconds < 120 ? SECONDS.format(seconds) : MINUTES.format(Math.ceil(seconds / 60));
export const size = (bytes) =>
  bytes < 1e6 ? KILOBYTES.format(bytes / 1e3) : MEGABYTES.format(bytes / 1e6);

// Puts its words where the page has `data-text`, `data-label` and `data-alt`.
export function translate() {
  document.documentElement.lang = language;
  document.documentElement.dir = text("direction");
  document.title = text("page.title");
  const templates = [...document.querySelectorAll("template")].map(({ content }) => content);
  for (const root of [document, ...templates]) {
    for (const each of root.querySelectorAll("[data-text]"))
      each.textContent = text(each.dataset.text);
    for (const each of root.querySelectorAll("[data-label]"))
      each.setAttribute("aria-label", text(each.dataset.label));
    for (const each of root.querySelectorAll("[data-alt]")) each.alt = text(each.dataset.alt);
  }
}
