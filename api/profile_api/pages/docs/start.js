"use strict";

// What the page tells us: where the document is and, in a demo alone, whom to act as.
const { document: url, people } = JSON.parse(document.getElementById("config").textContent);

// The library writes markup that it made clean itself; scripts and their addresses pass nowhere.
globalThis.trustedTypes?.createPolicy("default", { createHTML: (markup) => markup });

const ui = SwaggerUIBundle({
  url,
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // its default asks a host elsewhere
  onComplete: () => people.length && offer(),
});

// Swagger UI has dark colours, and a switch for them in a bar that we do not show.
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", colour);
colour();

// Fills in what the "Authorize" dialog and each operation's X-Tenant-ID field ask for.
function actAs(person) {
  const { components, paths } = ui.specSelectors.specJson().toJS();
  for (const [name, scheme] of Object.entries(components?.securitySchemes ?? {}))
    if (scheme.scheme === "bearer") ui.preauthorizeApiKey(name, person.token);
  for (const [path, operations] of Object.entries(paths))
    for (const [method, operation] of Object.entries(operations))
      for (const parameter of operation.parameters ?? [])
        if (parameter.in === "header" && parameter.name.toLowerCase() === "x-tenant-id")
          ui.specActions.changeParam([path, method], parameter.name, "header", person.tenant_id, false);
}

function offer() {
  const select = document.getElementById("person");
  select.append(...people.map((person, index) => new Option(person.label, index)));
  select.addEventListener("change", () => actAs(people[select.value]));
  select.parentElement.hidden = false;
  actAs(people[0]);
}
