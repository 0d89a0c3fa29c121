import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: ["src/graphql-client.ts"],
  generates: { "generated/graphql/": { preset: "client", config: { useTypeImports: true } } },
};

export default config;
