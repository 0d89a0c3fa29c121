// What Postman and Bruno make of an OpenAPI document: imports it as their applications do, gives
// the collections a token, and sends every request of each as it stands. Prints the answers'
// statuses as JSON.

import { readFileSync } from "node:fs";

import { openApiToBruno } from "@usebruno/converters";
import converter from "openapi-to-postmanv2";
import postman from "postman-collection";

const [file, token] = process.argv.slice(2);
const text = readFileSync(file, "utf8");

async function send(method, url, headers, body) {
  const response = await fetch(url, { method, headers, ...(body ? { body } : {}) });
  await response.arrayBuffer();
  return [`${method} ${new URL(url).pathname}`, response.status];
}

async function byPostman() {
  const imported = await new Promise((resolve, reject) => {
    const options = { parametersResolution: "Example", requestParametersResolution: "Example" };
    converter.convertV2({ type: "string", data: text }, options, (error, result) =>
      error || !result.result ? reject(error ?? new Error(result.reason)) : resolve(result),
    );
  });
  const collection = new postman.Collection(imported.output[0].data);
  collection.variables.upsert({ key: "bearerToken", value: token });
  const requests = [];
  collection.forEachItem(({ request }) => {
    const of = (text) => collection.variables.replace(text);
    const headers = request.headers.toObject(true);
    const bearer = request.auth?.parameters().get("token");
    if (bearer) headers.Authorization = `Bearer ${of(bearer)}`;
    requests.push([request.method, of(request.url.toString()), headers, request.body?.toString()]);
  });
  return requests;
}

function byBruno() {
  const { items, environments } = openApiToBruno(JSON.parse(text));
  const [{ variables }] = environments;
  const values = { token, ...Object.fromEntries(variables.map((each) => [each.name, each.value])) };
  const of = (text) => text.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
  const flat = (found) => found.flatMap((each) => (each.items ? flat(each.items) : [each.request]));
  return flat(items).map(({ method, url, headers, params, body, auth }) => {
    const enabled = params.filter((each) => each.enabled);
    const sent = Object.fromEntries(
      headers.filter((each) => each.enabled).map(({ name, value }) => [name, value]),
    );
    if (auth.mode === "bearer") sent.Authorization = `Bearer ${of(auth.bearer.token)}`;
    if (body.mode === "json") sent["Content-Type"] = "application/json";
    const address = new URL(
      enabled
        .filter((each) => each.type === "path")
        .reduce((path, { name, value }) => path.replace(`:${name}`, value), of(url)),
    );
    for (const { name, value, type } of enabled)
      if (type === "query") address.searchParams.set(name, value);
    return [method, address.href, sent, body.json];
  });
}

const seen = {};
for (const [name, requests] of [["postman", await byPostman()], ["bruno", byBruno()]]) {
  seen[name] = {};
  for (const request of requests) {
    const [where, status] = await send(...request);
    seen[name][where] = status;
  }
}
console.log(JSON.stringify(seen));
