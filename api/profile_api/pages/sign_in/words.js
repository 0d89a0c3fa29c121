// The words of the sign-in, in the first of the reader's languages that there is.

import de from "./de.js";
import en from "./en.js";

const LANGUAGES = { de, en };

// `lang` is that of the words; `of` has all of them, with the provider's host in its place.
export function wordsFor(languages, provider) {
  const known = languages.map((each) => each.split("-")[0].toLowerCase());
  const lang = known.find((each) => each in LANGUAGES) ?? "en";
  const of = JSON.parse(JSON.stringify(LANGUAGES[lang]), (_, value) =>
    typeof value === "string" ? value.replaceAll("{provider}", provider) : value,
  );
  return { lang, of };
}
