// What the page tells its modules: whom it can act as, the fields with their limits, the languages.

export const config = JSON.parse(document.getElementById("config").textContent);

// The text fields in order, each with name (as GraphQL spells it), label, hint, limit, managed.
export const { fields: FIELDS } = config;
