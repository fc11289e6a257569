"""`python churn.pyz`: the commands of a package."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec

from fairlead.device.model import DeviceModel
from fairlead.device.opening import LIMIT_MB, load, own_package, state_folder
from fairlead.errors import ConfigError, ConflictError, FairleadError, InputError, StorageError

BODY_BYTES_MAX = 64 << 20
PROBLEMS_MAX = 20
WAIT_S = 10.0


def main(arguments: list[str] | None = None) -> NoReturn:
    """Entry of a package."""
    given = _parser().parse_args(arguments)
    try:
        status = given.run(given)
        sys.stdout.flush()
    except FairleadError as error:
        status = _told(error)
    except BrokenPipeError:
        sys.stderr.close()
        status = 0
    except OSError as error:
        status = _told(StorageError(f"A file cannot be read or written: {error.strerror}."))
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python {Path(sys.argv[0]).name}", description="A model that answers on this device."
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--state", type=Path, metavar="DIR", help="folder that rows are kept in")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    predict = commands.add_parser("predict", parents=[shared], help="answer rows")
    predict.add_argument("file", help="JSON: rows, columns or one record; - for standard input")
    predict.add_argument("--lines", action="store_true", help="each line is a body of its own")
    predict.add_argument("--no-state", action="store_true", help="keep nothing")
    predict.add_argument(
        "--state-mb", type=int, default=LIMIT_MB, help="room of the folder (%(default)s)"
    )
    predict.add_argument("--disk", action="store_true", help="rows survive a power cut, slower")
    predict.set_defaults(run=_predict)

    check = commands.add_parser("check", help="verify the package, and prove it on this device")
    check.set_defaults(run=_check)

    status = commands.add_parser("status", parents=[shared], help="tell what is kept")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(run=_status)

    for name, what, run in (("rows", "rows", _rows), ("profiles", "profiles of rows", _profiles)):
        command = commands.add_parser(
            name, parents=[shared], help=f"write the {what} that are kept"
        )
        command.add_argument(
            "--out", type=Path, metavar="FILE", help="a new file, instead of standard output"
        )
        command.set_defaults(run=run)
    return parser


def _predict(given: argparse.Namespace) -> int:
    with _loaded(given) as model:
        if given.lines or given.file.endswith((".jsonl", ".ndjson")):
            with _opened(given.file) as file:
                return _answer_lines(model, file)
        with _opened(given.file) as file:
            body = file.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise InputError(
                "The file is larger than is taken at once.", hint="Send lines: --lines."
            )
        _write(model.answer(body))
    return 0


def _answer_lines(model: DeviceModel, file: BinaryIO) -> int:
    """Answer each line by a line, refused ones too; 1 if any was."""
    status = 0
    while line := file.readline(BODY_BYTES_MAX + 1):
        if len(line) > BODY_BYTES_MAX:
            raise InputError("A line is larger than is taken at once.", hint="Send shorter ones.")
        if not line.strip():
            continue
        try:
            _write(model.answer(line))
        except FairleadError as error:
            _write(msgspec.json.encode({"error": _refused(error)}))
            status = 1
    return status


def _loaded(given: argparse.Namespace) -> DeviceModel:
    """The model, once no other process keeps rows in the folder."""
    until_s = time.monotonic() + WAIT_S
    while True:
        try:
            return load(
                state=given.state, keep=not given.no_state, limit_mb=given.state_mb, disk=given.disk
            )
        except ConflictError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def _check(given: argparse.Namespace) -> int:  # noqa: ARG001
    from fairlead.device.check import check

    for line in check(own_package()):
        print(line)  # noqa: T201
    return 0


def _status(given: argparse.Namespace) -> int:
    from fairlead.device.look import stand
    from fairlead.device.package import Package

    folder = given.state or state_folder(own_package())
    manifest = Package(own_package()).manifest
    standing = stand(folder)
    if given.json:
        facts = {"version": manifest.version, "digest": manifest.digest}
        _write(msgspec.json.encode(facts | msgspec.to_builtins(standing)))
        return 0
    for line in (
        f"{manifest.version}, bundle {manifest.digest[:16]}",
        f"rows kept: {standing.rows}, from number {standing.first}; gone before: {standing.gone}",
        f"windows: {standing.windows}; answered but not kept: {standing.unlogged}",
        f"{standing.size_bytes / 1e6:.1f} MB in {folder.name}"
        + ("; a process writes there now" if standing.in_use else ""),
    ):
        print(line)  # noqa: T201
    return 0


def _rows(given: argparse.Namespace) -> int:
    from fairlead.device.look import kept_rows
    from fairlead.device.package import Package

    signature = Package(own_package()).info.signature
    return _write_lines(kept_rows(given.state or state_folder(own_package()), signature), given.out)


def _profiles(given: argparse.Namespace) -> int:
    from fairlead.device.look import kept_windows

    return _write_lines(kept_windows(given.state or state_folder(own_package())), given.out)


def _write_lines(values: Iterable[Any], out: Path | None) -> int:
    if out is None:
        for value in values:
            _write(msgspec.json.encode(value))
        return 0
    try:
        with out.open("xb") as file:
            _fill(file, values, out)
    except FileExistsError:
        raise ConfigError(f"{out} exists.", hint="Choose another name with --out.") from None
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}.") from None
    return 0


def _fill(file: BinaryIO, values: Iterable[Any], out: Path) -> None:
    """Write all lines to a new file; half of them are worse than none."""
    try:
        for value in values:
            file.write(msgspec.json.encode(value) + b"\n")
        file.flush()
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _opened(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}.") from None


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _refused(error: FairleadError) -> dict[str, Any]:
    """An error as an endpoint's native protocol writes it."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.hint:
        body["hint"] = error.hint
    if isinstance(error, InputError) and error.problems:
        body["problems"] = error.problems
    return body


def _told(error: FairleadError) -> int:
    """Tell an error the way people can act on it."""
    lines = [f"Error: {error.message}"]
    if isinstance(error, InputError):
        for problem in error.problems[:PROBLEMS_MAX]:
            row = "" if problem.row is None else f"row {problem.row}, "
            lines.append(f"  - {row}field '{problem.field}': {problem.message}")
    if error.hint:
        lines.append(f"  {error.hint}")
    sys.stderr.write("\n".join(lines) + "\n")
    return 1
