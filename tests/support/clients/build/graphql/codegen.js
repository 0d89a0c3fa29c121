const config = {
    schema: "../../../schema.graphql",
    documents: ["graphql/client.ts"],
    generates: {
        "generated/graphql/": {
            preset: "client",
            config: { useTypeImports: true, documentMode: "string" },
        },
    },
    emitLegacyCommonJSImports: false,
};
export default config;
