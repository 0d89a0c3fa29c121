"""What proxies that compress an answer make of its entity tag."""

SUFFIXES = ("-gzip", "--gzip", ";gzip", "-br", "-zstd")  # say Apache's, Jetty's and Caddy's


def handed_on(etag: str) -> list[str]:
    """Each form in which a client may be given a tag: weak, as nginx has it, or with a suffix."""
    suffixed = [etag.removesuffix('"') + suffix + '"' for suffix in SUFFIXES]
    return [made for tag in [etag, *suffixed] for made in (tag, f"W/{tag}")][1:]
