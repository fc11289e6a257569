"""The pages of scheduled jobs: what is due, how it goes, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.api.reply import actor_of
from fairlead.console.obey import Form, not_offered, obey
from fairlead.console.page import path_of, redirect, show
from fairlead.errors import FairleadError, NotFoundError
from fairlead.schedules import Run

PATH = "/jobs"
RUNS_SHOWN = 50


def build_jobs_pages(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def jobs(request: Request) -> Response:
        return _list(services, request)

    @router.post(PATH)
    def order(request: Request, form: Form) -> Response:
        deed = partial(_do, services, form, actor_of(request), PATH)
        return obey(deed, partial(_list, services, request))

    @router.get(PATH + "/{endpoint}/{job}")
    def job(request: Request, endpoint: str, job: str, run: str = "") -> Response:
        return _one(services, request, f"{endpoint}/{job}", run)

    @router.post(PATH + "/{endpoint}/{job}")
    def order_one(request: Request, endpoint: str, job: str, form: Form) -> Response:
        deed = partial(_do, services, form, actor_of(request), path_of("jobs", endpoint, job))
        return obey(deed, partial(_one, services, request, f"{endpoint}/{job}", ""))

    return router


def lasted_s(run: Run) -> float | None:
    """How long a run has taken, in seconds; None if it never began, or goes on.

    Args:
        run: of a schedule.

    Example:
        >>> lasted_s(Run(id="r", slot_us=0, due_us=0, begun_us=1_000_000, ended_us=3_500_000))
        2.5
    """
    if run.begun_us is None or run.ended_us is None:
        return None
    return (run.ended_us - run.begun_us) / 1e6


def _list(services: Services, request: Request, problem: FairleadError | None = None) -> Response:
    return show(
        request,
        "jobs.html",
        problem,
        jobs=services.job_book.jobs(),
        lasted_s=lasted_s,
    )


def _one(
    services: Services,
    request: Request,
    place: str,
    run_id: str,
    problem: FairleadError | None = None,
) -> Response:
    job, runs = services.job_book.job(place), services.job_book.runs(place)
    chosen = next((run for run in runs if run_id in ("", run.id)), None)
    if run_id and chosen is None:
        raise NotFoundError(f"{place} has no such run.", hint="It may be too long ago.")
    return show(
        request,
        "job.html",
        problem,
        job=job,
        runs=runs[:RUNS_SHOWN],
        chosen=chosen,
        lasted_s=lasted_s,
    )


def _do(services: Services, form: Mapping[str, str], actor: str, back: str) -> Response:
    book, place, reason = services.job_book, form.get("job", ""), form.get("reason", "")
    match form.get("order"):
        case "run":
            book.ask(place, actor)
        case "pause":
            book.pause(place, reason, actor)
        case "resume":
            book.resume(place, reason, actor)
        case _:
            raise not_offered()
    return redirect(back)
