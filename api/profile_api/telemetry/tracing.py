"""OpenTelemetry traces, when the environment names a collector (the extra ``otel``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from profile_api.variables import UnusableVariable

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

# The attributes that are kept. Others, such as path, query and host, are set by the client.
_KEPT: Final = frozenset({"http.request.method", "network.protocol.version", "url.scheme"})
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def spans_from_environment() -> TracerProvider | None:
    """The tracer provider, or None if no collector is configured. Raises UnusableVariable.

    Spans are sent by a thread with a bounded queue: a slow collector costs spans, not requests.
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
        raise UnusableVariable(
            f"{_ENDPOINTS[1]} is set: traces need `pip install profile-service[otel]`."
        ) from None

    class WithoutClientData(SpanProcessor):
        """Clears them on start; route and status are set later."""

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # the SDK's name
            for name in (span.attributes or {}).keys() - _KEPT:
                span.set_attribute(name, "")

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "profile")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(WithoutClientData())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=2)))
    return provider
