"""Content negotiation (RFC 9110 section 12.5.1, GraphQL over HTTP section 4)."""

from __future__ import annotations

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"


def preferred_type(accept: str) -> str:
    """The media type with the highest quality; JSON if the header accepts none.

    Each of the three types has the quality of the most specific range that matches it; among equal
    ones the order in the header decides.
    """
    ranges = dict(_ranges(accept))
    order = list(ranges)
    best, best_rank = JSON, (0.0, 0)
    for media_type in (JSON, GRAPHQL_RESPONSE, HTML):
        for covering in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
            if covering in ranges:
                rank = (ranges[covering], -order.index(covering))
                if ranges[covering] > 0 and (best_rank == (0.0, 0) or rank > best_rank):
                    best, best_rank = media_type, rank
                break
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    ranges = []
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                quality = _quality(value.strip())
        if media_range:
            ranges.append((media_range, quality))
    return ranges


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
