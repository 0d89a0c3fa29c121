// What a REST integrator writes: every path, header, field and error below is type-checked
// against openapi.json. Prints what it saw as JSON.

import createClient from "openapi-fetch";

import type { paths } from "../generated/rest.js";
import { remedyOf } from "../remedy.js";

const [address = "", token = "", tenant = ""] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${token}` },
});
const ME = "/v1/users/me/profile";
const header = { "X-Tenant-ID": tenant };

const before = await client.GET(ME, { params: { header } });
const etag = before.response.headers.get("ETag") ?? "";

const changed = await client.PUT(ME, {
  params: { header: { ...header, "If-Match": etag } },
  body: { display_name: "Countess" },
});

const late = await client.PUT(ME, {
  params: { header: { ...header, "If-Match": etag } },
  body: { display_name: "Too late" },
});

const refused = await client.PUT(ME, { params: { header }, body: { first_name: "a".repeat(101) } });

// @ts-expect-error: a name is a string
await client.PUT(ME, { params: { header }, body: { display_name: 5 } });

// @ts-expect-error: the tenant is required
await client.GET(ME, { params: { header: {} } });

console.log(
  JSON.stringify({
    before: before.data?.name,
    changed: changed.data?.display_name,
    late: late.error && remedyOf(late.error.code),
    refused: refused.error && remedyOf(refused.error.code),
    most: refused.error?.details?.violations?.[0]?.max,
  }),
);
