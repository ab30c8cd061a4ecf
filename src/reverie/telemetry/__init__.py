"""Traces and metrics for OpenTelemetry; off unless ``REVERIE_OTLP_ENDPOINT`` says where to send them."""
