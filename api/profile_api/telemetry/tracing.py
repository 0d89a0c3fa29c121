"""OpenTelemetry traces, when the environment names a collector (the extra ``otel``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

# What a span may tell. A path, a query, a method of no standard and a host are the client's words.
_OURS: Final = frozenset({"http.request.method", "network.protocol.version", "url.scheme"})
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class TracingUnavailable(ValueError):
    """The environment asks for traces, which this installation cannot send."""


def spans_from_environment() -> TracerProvider | None:
    """Where FastAPI makes its spans, with W3C's ``traceparent`` for their parent.

    They wait in a bounded queue for a thread that sends them: a collector that is slow or gone
    costs spans, never a request. Raises TracingUnavailable.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.trace import (  # noqa: PLC0415  # an extra
            Span,
            SpanProcessor,
            TracerProvider,
        )
        from opentelemetry.sdk.trace.export import (  # noqa: PLC0415  # an extra
            BatchSpanProcessor,
        )
    except ImportError:
        raise TracingUnavailable(
            f"{_ENDPOINTS[1]} is set: traces need `pip install profile-service[otel]`."
        ) from None

    class WithoutTheClientsWords(SpanProcessor):
        """What is set later, the route and the status, is ours."""

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # the SDK's name
            for name in (span.attributes or {}).keys() - _OURS:
                span.set_attribute(name, "")

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "profile")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(WithoutTheClientsWords())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=2)))
    return provider
