// Prints, as JSON, what graphql-http's audit of the server at the given address finds.
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.argv[2], fetchFn: fetch });
console.log(JSON.stringify(results.map(({ id, name, status }) => ({ id, name, status }))));
