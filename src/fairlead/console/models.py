"""The pages of models: what there is, where it came from, how two differ, and who gets it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request, Response

from fairlead.api import Services
from fairlead.api.catalogue import MetricPair
from fairlead.api.reply import actor_of
from fairlead.bundle import Tolerance
from fairlead.console.fields import field_rows
from fairlead.console.obey import Form, not_offered, obey
from fairlead.console.page import address, path_of, redirect, show
from fairlead.console.whisker import whiskers
from fairlead.errors import FairleadError
from fairlead.monitoring.evaluate import verdict
from fairlead.releases import Strategy
from fairlead.stats import Estimate

PATH = "/models"
FILES_SHOWN = 30
STRATEGIES: Mapping[Strategy, str] = {
    "canary": "canary: more and more of the requests, as long as guards hold",
    "blue-green": "blue-green: all requests at once, with the way back kept warm",
    "shadow": "shadow: it sees requests and answers nobody",
    "ab": "ab: half of the requests, to find out which is better",
    "now": "now: all requests at once, without guards",
}
assert set(STRATEGIES) == set(get_args(Strategy))

Number = Annotated[int, Query(ge=1, lt=10**8)]


def build_models_pages(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def models(request: Request) -> Response:
        return show(request, "models.html", models=services.catalogue.models())

    @router.get(PATH + "/{model}")
    def model(request: Request, model: str) -> Response:
        return show(request, "model.html", model=services.catalogue.model(model))

    @router.get(PATH + "/{model}/compare")
    def compare(request: Request, model: str, left: Number, right: Number) -> Response:
        return show(
            request,
            "compare.html",
            model=services.catalogue.model(model),
            found=services.catalogue.compare(model, left, right),
            whiskers=whiskers,
            beside=beside,
        )

    @router.get(PATH + "/{model}/{number}")
    def version(request: Request, model: str, number: int) -> Response:
        return _version(services, request, model, number)

    @router.post(PATH + "/{model}/{number}")
    def order(request: Request, model: str, number: int, form: Form) -> Response:
        deed = partial(_do, services, model, number, form, actor_of(request))
        return obey(deed, partial(_version, services, request, model, number))

    return router


def allowed(tolerance: Tolerance) -> str:
    """How far an answer may be from the original's, in words.

    Example:
        >>> allowed(Tolerance(absolute=1e-9)), allowed(Tolerance(absolute=1e-9, relative=1e-6))
        ('1e-09', '1e-09 and 1e-06 of the value')
        >>> allowed(Tolerance())
        'nothing: it must be the same'
    """
    parts = [f"{tolerance.absolute:.3g}"] * bool(tolerance.absolute)
    parts += [f"{tolerance.relative:.3g} of the value"] * bool(tolerance.relative)
    return " and ".join(parts) or "nothing: it must be the same"


def beside(pair: MetricPair) -> str:
    """What a difference with an interval says of the right version, beside the left one.

    Example:
        >>> from fairlead.api.catalogue import Metric
        >>> gap = Metric(name="log_loss", value=0.2, low=0.1, high=0.3)
        >>> beside(MetricPair(name="log_loss", left=None, right=None, difference=gap))
        'worse: it is higher'
    """
    gap = pair.difference
    if gap is None or gap.low is None or gap.high is None:
        return "not compared row by row"
    found = verdict(pair.name, Estimate(gap.value, gap.low, gap.high))
    if found == "no difference seen":
        return "not known to differ"
    return f"{found}: it is {'higher' if gap.value > 0 else 'lower'}"


def _version(
    services: Services,
    request: Request,
    model: str,
    number: int,
    problem: FairleadError | None = None,
) -> Response:
    version = services.catalogue.version(f"{model}:{number}")
    return show(
        request,
        "version.html",
        problem,
        version=version,
        model=services.catalogue.model(model),
        inputs=field_rows(version.signature.inputs),
        outputs=field_rows(version.signature.outputs),
        files=version.files[:FILES_SHOWN],
        more_files=max(0, len(version.files) - FILES_SHOWN),
        endpoints=[route.endpoint for route in services.routes()],
        strategies=STRATEGIES,
        allowed=allowed(version.tolerance),
    )


def _do(
    services: Services, model: str, number: int, form: Mapping[str, str], actor: str
) -> Response:
    reason = form.get("reason", "")
    match form.get("order"):
        case "deploy":
            endpoint, strategy = form.get("endpoint", "").strip(), form.get("strategy", "")
            told = {"strategy": strategy} if strategy else {}
            services.release(endpoint, f"{model}:{number}", told, actor, reason)
            return redirect(address(endpoint))
        case "point":
            services.catalogue.point(model, form.get("alias", "").strip(), number, actor, reason)
        case "take away":
            services.catalogue.point(model, form.get("alias", ""), None, actor, reason)
        case _:
            raise not_offered()
    return redirect(path_of("models", model, str(number)))
