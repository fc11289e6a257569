"""What each route is for: one table, and nothing is reached that does not stand in it.

To add a route, add its line: the method, the path as the route's decorator has it, and the scope
that callers need. What changes something needs `operate`, or `review` if it is a decision left to
people; what only shows, or is one's own, needs `view`. `open` is for everybody, also without
signing in. A test goes through all routes and fails for one without a line, and for a line without
a route.
"""

from __future__ import annotations

from typing import Literal

from fairlead.access import Scope

Rule = Scope | Literal["open"]

RULES: dict[tuple[str, str], Rule] = {
    # For everybody
    ("GET", "/health/live"): "open",
    ("GET", "/health/ready"): "open",
    ("GET", "/static/{name}"): "open",
    ("GET", "/login"): "open",
    ("POST", "/login"): "open",
    ("POST", "/logout"): "open",
    ("GET", "/enter/{token}"): "open",
    ("GET", "/shared/{token}"): "open",
    ("POST", "/shared/{token}/predict"): "open",
    # REST: the platform
    ("GET", "/openapi.json"): "view",
    ("GET", "/metrics"): "view",
    ("GET", "/v1/overview"): "view",
    ("GET", "/v1/workers"): "view",
    # REST: models
    ("GET", "/v1/models"): "view",
    ("GET", "/v1/models/{model}"): "view",
    ("GET", "/v1/models/{model}/versions"): "view",
    ("GET", "/v1/models/{model}/compare"): "view",
    ("PUT", "/v1/models/{model}/aliases/{alias}"): "operate",
    ("DELETE", "/v1/models/{model}/aliases/{alias}"): "operate",
    ("GET", "/v1/versions/{reference}"): "view",
    # REST: endpoints
    ("GET", "/v1/endpoints"): "view",
    ("GET", "/v1/endpoints/{endpoint}"): "view",
    ("GET", "/v1/endpoints/{endpoint}/openapi.json"): "view",
    ("GET", "/v1/endpoints/{endpoint}/figures"): "view",
    ("GET", "/v1/endpoints/{endpoint}/figures/{name}"): "view",
    ("POST", "/v1/endpoints/{endpoint}/predict"): "operate",
    ("POST", "/v1/endpoints/{endpoint}/feedback"): "operate",
    ("GET", "/v1/endpoints/{endpoint}/health"): "view",
    ("GET", "/v1/endpoints/{endpoint}/slices"): "view",
    ("GET", "/v1/endpoints/{endpoint}/field"): "view",
    ("GET", "/v1/endpoints/{endpoint}/predictions"): "view",
    # REST: releases
    ("GET", "/v1/endpoints/{endpoint}/releases"): "view",
    ("GET", "/v1/endpoints/{endpoint}/releases/{release_id}"): "view",
    ("POST", "/v1/endpoints/{endpoint}/releases/plan"): "operate",
    ("GET", "/v1/endpoints/{endpoint}/experiment"): "view",
    ("GET", "/v1/endpoints/{endpoint}/experiment/plan"): "view",
    ("POST", "/v1/endpoints/{endpoint}/releases"): "operate",
    ("POST", "/v1/endpoints/{endpoint}/releases/order"): "operate",
    ("POST", "/v1/simulations"): "operate",
    # REST: alerts
    ("GET", "/v1/alerts"): "view",
    ("POST", "/v1/alerts/acknowledgements"): "operate",
    ("GET", "/v1/notifications"): "view",
    ("GET", "/v1/silences"): "view",
    ("POST", "/v1/endpoints/{endpoint}/silences"): "operate",
    ("DELETE", "/v1/silences/{silence_id}"): "operate",
    ("GET", "/v1/channels"): "operate",
    ("POST", "/v1/channels/{channel}/test"): "operate",
    # REST: jobs
    ("GET", "/v1/jobs"): "view",
    ("GET", "/v1/jobs/{endpoint}/{job}"): "view",
    ("GET", "/v1/jobs/{endpoint}/{job}/runs"): "view",
    ("POST", "/v1/jobs/{endpoint}/{job}/runs"): "operate",
    ("PUT", "/v1/jobs/{endpoint}/{job}/pause"): "operate",
    ("DELETE", "/v1/jobs/{endpoint}/{job}/pause"): "operate",
    # REST: online learning
    ("GET", "/v1/online"): "view",
    ("GET", "/v1/endpoints/{endpoint}/online"): "view",
    ("PUT", "/v1/endpoints/{endpoint}/online/freeze"): "operate",
    ("DELETE", "/v1/endpoints/{endpoint}/online/freeze"): "operate",
    # REST: updates
    ("GET", "/v1/updates"): "view",
    ("GET", "/v1/updates/{endpoint}"): "view",
    ("GET", "/v1/updates/{endpoint}/runs"): "view",
    ("POST", "/v1/updates/{endpoint}/runs"): "operate",
    ("GET", "/v1/updates/{endpoint}/runs/{update}"): "view",
    ("POST", "/v1/updates/{endpoint}/runs/{update}/{word}"): "operate",
    # REST: people in the loop
    ("GET", "/v1/endpoints/{endpoint}/automation"): "view",
    ("PUT", "/v1/endpoints/{endpoint}/automation"): "operate",
    ("GET", "/v1/review"): "view",
    ("GET", "/v1/review/{queue}"): "view",
    ("GET", "/v1/review/{queue}/export"): "review",
    ("POST", "/v1/review/{queue}/import"): "review",
    ("POST", "/v1/review/{queue}/take"): "review",
    ("POST", "/v1/review/{queue}/undo"): "review",
    ("GET", "/v1/tasks/{task}"): "review",
    ("GET", "/v1/tasks/{task}/media"): "review",
    ("POST", "/v1/tasks/{task}/decide"): "review",
    ("POST", "/v1/tasks/{task}/skip"): "review",
    ("GET", "/v1/endpoints/{endpoint}/rungs"): "view",
    ("POST", "/v1/endpoints/{endpoint}/labels"): "operate",
    # REST: who may do what, and who did
    ("GET", "/v1/keys"): "operate",
    ("POST", "/v1/keys"): "admin",
    ("DELETE", "/v1/keys/{key}"): "admin",
    ("GET", "/v1/users"): "operate",
    ("POST", "/v1/users"): "admin",
    ("PUT", "/v1/users/{user}/role"): "admin",
    ("PUT", "/v1/users/{user}/password"): "admin",
    ("DELETE", "/v1/users/{user}"): "admin",
    ("PUT", "/v1/password"): "view",
    ("GET", "/v1/links"): "operate",
    ("POST", "/v1/endpoints/{endpoint}/links"): "operate",
    ("DELETE", "/v1/links/{link}"): "operate",
    ("GET", "/v1/audit"): "operate",
    # Pages: the overview, and what changes while one looks
    ("GET", "/"): "view",
    ("GET", "/live"): "view",
    # Pages: an endpoint
    ("GET", "/endpoints/{endpoint}"): "view",
    ("GET", "/endpoints/{endpoint}/predictions"): "view",
    ("GET", "/try/{endpoint}"): "view",
    ("POST", "/try/{endpoint}/links"): "operate",
    ("GET", "/endpoints/{endpoint}/releases"): "view",
    ("GET", "/endpoints/{endpoint}/releases/new"): "operate",
    ("GET", "/endpoints/{endpoint}/releases/{release_id}"): "view",
    ("POST", "/endpoints/{endpoint}/releases"): "operate",
    ("POST", "/endpoints/{endpoint}/releases/{release_id}"): "operate",
    # Pages: models
    ("GET", "/models"): "view",
    ("GET", "/models/{model}"): "view",
    ("GET", "/models/{model}/compare"): "view",
    ("GET", "/models/{model}/{number}"): "view",
    ("POST", "/models/{model}/{number}"): "operate",
    # Pages: alerts
    ("GET", "/alerts"): "view",
    ("POST", "/alerts"): "operate",
    # Pages: jobs
    ("GET", "/jobs"): "view",
    ("POST", "/jobs"): "operate",
    ("GET", "/jobs/{endpoint}/{job}"): "view",
    ("POST", "/jobs/{endpoint}/{job}"): "operate",
    # Pages: learners
    ("GET", "/learners"): "view",
    ("GET", "/learners/{endpoint}"): "view",
    ("POST", "/learners/{endpoint}"): "operate",
    # Pages: updates
    ("GET", "/updates"): "view",
    ("POST", "/updates"): "operate",
    ("GET", "/updates/{endpoint}"): "view",
    ("POST", "/updates/{endpoint}"): "operate",
    # Pages: people in the loop
    ("GET", "/review"): "view",
    ("GET", "/review/{queue}"): "review",
    ("POST", "/review/{queue}"): "review",
    # Pages: who may do what, and who did
    ("GET", "/settings"): "view",
    ("POST", "/settings/password"): "view",
    ("POST", "/settings/keys"): "admin",
    ("POST", "/settings/keys/{key}/revoke"): "admin",
    ("POST", "/settings/users"): "admin",
    ("POST", "/settings/users/{user}/role"): "admin",
    ("POST", "/settings/users/{user}/password"): "admin",
    ("POST", "/settings/users/{user}/remove"): "admin",
    ("POST", "/settings/channels/{channel}/test"): "operate",
    ("POST", "/settings/links/{link}/revoke"): "operate",
    ("GET", "/audit"): "operate",
    # Pages: the API
    ("GET", "/docs"): "view",
    ("GET", "/docs/{endpoint}"): "view",
}


def rule_of(method: str, template: str) -> Rule | None:
    """What a route needs; None if the table does not know it.

    Example:
        >>> rule_of("HEAD", "/v1/models"), rule_of("POST", "/v1/models")
        ('view', None)
    """
    return RULES.get(("GET" if method == "HEAD" else method, template))
