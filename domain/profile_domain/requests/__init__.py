"""The rules that both faces apply to a request as HTTP carries it."""
