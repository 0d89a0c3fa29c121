import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../../schema.graphql",
  documents: ["graphql/client.ts"],
  generates: {
    "generated/graphql/": {
      preset: "client",
      config: { useTypeImports: true, documentMode: "string", enumsAsTypes: true },
    },
  },
  emitLegacyCommonJSImports: false,
};

export default config;
