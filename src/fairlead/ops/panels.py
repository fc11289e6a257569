"""What a dashboard shows of a platform: rows of figures, each an expression of PromQL."""

from __future__ import annotations

from fairlead.ops.types import Panel

_RATE = "[$__rate_interval]"
_AT = '{endpoint=~"$endpoint"}'
_MAIN = '{endpoint=~"$endpoint", metric=~"accuracy|rmse"}'
_WHO = "{{endpoint}} {{version}}"


def _by(label: str, metric: str) -> str:
    return f"sum by ({label}) (rate({metric}{_AT}{_RATE}))"


def _quantile(share: float, metric: str) -> str:
    buckets = f"sum by (le, endpoint) (rate({metric}_bucket{_AT}{_RATE}))"
    return f"histogram_quantile({share:g}, {buckets})"


def _quantiles(title: str, metric: str) -> Panel:
    shares = (0.5, 0.9, 0.99)
    return Panel(
        title, "s", tuple((_quantile(q, metric), f"{{{{endpoint}}}} p{q * 100:g}") for q in shares)
    )


ROWS: dict[str, tuple[Panel, ...]] = {
    "Requests": (
        Panel(
            "Requests",
            "reqps",
            ((_by("endpoint, version", "fairlead_requests_total"), "{{endpoint}} {{version}}"),),
        ),
        Panel(
            "Errors",
            "percentunit",
            ((f"endpoint:fairlead_errors:ratio_rate5m{_AT}", "{{endpoint}}"),),
        ),
        Panel(
            "Refused and shed",
            "reqps",
            (
                (_by("endpoint, code", "fairlead_refused_requests_total"), "{{endpoint}} {{code}}"),
                (
                    _by("endpoint, kind", "fairlead_shed_requests_total"),
                    "{{endpoint}} shed: {{kind}}",
                ),
            ),
        ),
    ),
    "Time": (
        _quantiles("Time of a request", "fairlead_request_seconds"),
        _quantiles("Time in the queue", "fairlead_queue_seconds"),
        _quantiles("Time in the model, by batch", "fairlead_model_seconds"),
    ),
    "Load": (
        Panel(
            "Rows in the queue",
            "short",
            ((f"sum by (endpoint) (fairlead_queued_rows{_AT})", "{{endpoint}}"),),
        ),
        Panel(
            "Requests under way",
            "short",
            (("sum by (version) (fairlead_in_flight_requests)", "{{version}}"),),
        ),
        Panel(
            "Rows in a batch",
            "short",
            (
                (
                    " / ".join(
                        _by("endpoint", f"fairlead_batch_rows_{part}") for part in ("sum", "count")
                    ),
                    "{{endpoint}}",
                ),
            ),
        ),
    ),
    "Processes": (
        Panel(
            "Cores kept busy",
            "short",
            (
                (
                    f"sum by (process) (rate(fairlead_process_cpu_seconds_total{_RATE}))",
                    "{{process}}",
                ),
            ),
        ),
        Panel(
            "Memory",
            "bytes",
            (("fairlead_process_resident_memory_bytes", "{{process}}"),),
        ),
        Panel(
            "Network",
            "Bps",
            (
                (f"sum(rate(fairlead_network_received_bytes_total{_RATE}))", "received"),
                (f"sum(rate(fairlead_network_sent_bytes_total{_RATE}))", "sent"),
            ),
        ),
        Panel(
            "Open files",
            "short",
            (("fairlead_process_open_fds", "{{process}}"),),
        ),
        Panel(
            "Restarts",
            "short",
            (("increase(fairlead_process_restarts_total[1h])", "{{process}}"),),
        ),
    ),
    "Performance": (
        Panel(
            "Realised and estimated",
            "short",
            tuple(
                (f"fairlead_{kind}_performance{end}{_MAIN}", f"{_WHO} {kind} {{{{metric}}}}{word}")
                for kind in ("realised", "estimated")
                for end, word in (("", ""), ("_low", ", low"), ("_high", ", high"))
            ),
        ),
        Panel(
            "Evidence that answers are worse (1 is proof)",
            "short",
            ((f"fairlead_guard_evidence_ratio{_AT}", f"{_WHO} {{{{guard}}}}"),),
        ),
        Panel("Rows with a label", "percentunit", ((f"fairlead_labelled_rows_ratio{_AT}", _WHO),)),
    ),
    "Input and answers": (
        Panel(
            "Drift: effect, of the 10 fields that moved most",
            "short",
            ((f"topk(10, fairlead_field_drift_effect{_AT})", f"{_WHO} {{{{field}}}}"),),
        ),
        Panel(
            "Drift: evidence (1 is what one field needs)",
            "short",
            ((f"topk(10, fairlead_field_drift_evidence_ratio{_AT})", f"{_WHO} {{{{field}}}}"),),
        ),
        Panel(
            "Values with faults, of the 10 worst",
            "percentunit",
            (
                (
                    f"topk(10, fairlead_field_fault_ratio{_AT})",
                    f"{_WHO} {{{{field}}}}: {{{{fault}}}}",
                ),
            ),
        ),
        Panel("Rows of the last window", "short", ((f"fairlead_window_rows{_AT}", _WHO),)),
    ),
    "The log, the disk and the cost": (
        Panel(
            "Rows and labels on the log",
            "short",
            (
                (_by("endpoint", "fairlead_rows_total"), "{{endpoint}} rows"),
                (f"sum(rate(fairlead_feedback_total{_RATE}))", "labels"),
                (f"sum(rate(fairlead_unlogged_rows_total{_RATE}))", "unlogged rows"),
            ),
        ),
        Panel("Free on the disk", "bytes", (("fairlead_home_free_bytes", "{{instance}}"),)),
        Panel(
            "Cost of 1,000 predictions",
            "short",
            (("fairlead:cost_per_1000_predictions:rate1h", "{{currency}}"),),
        ),
    ),
    "Graphics cards": (
        Panel(
            "Share of time at work",
            "percentunit",
            (("fairlead_gpu_utilization_ratio", "{{instance}} {{gpu}}"),),
        ),
        Panel(
            "Memory in use",
            "bytes",
            (("fairlead_gpu_memory_used_bytes", "{{instance}} {{gpu}}"),),
        ),
    ),
}
