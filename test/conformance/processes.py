"""The processes of the conformance run: embedded venues and foreign scripts, started and ended."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from test.conformance.plan import ROOT, SDK, SIGNER, Environment, Run
from test.conformance.results import LOG_TAIL_LINES, Outcome, Result, Transcript

READY_S_MAX = 20.0
SCRIPT_S_MAX = 120.0
END_S_MAX = 5.0
START = "the venues start"
SILENCE = "the venues report no error of their own"


class NotReady(Exception):
    """Something the run needs is not there; the text is one line, with the mend."""


class VenuesDown(Exception):
    """The embedded venues did not start; the text is the end of what they wrote."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What one script's run has left: its results, and the end of what it wrote besides."""

    results: list[Result]
    log: str


def version(environment: Environment) -> str:
    """Return the installed version of the environment's package.

    Raises `NotReady` where there is none.
    """
    pattern = f"lib/python3*/site-packages/{environment.package.replace('-', '_')}-*.dist-info"
    found = sorted((ROOT / environment.folder).glob(pattern))
    if not environment.python.exists() or not found:
        raise NotReady(
            f"{environment.folder} holds no {environment.package}: run `make conformance`"
        )
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2]


def signer_library() -> str:
    """Return the path of the signer that belongs to this machine, from lighter-sdk's own wheel.

    Raises `NotReady` where there is none.
    """
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = "arm64" if os.uname().machine in ("arm64", "aarch64") else "amd64"
    suffix = "dylib" if system == "darwin" else "so"
    pattern = f"lib/python3*/site-packages/{SIGNER[:-1]}{system}-{machine}.{suffix}"
    found = sorted((ROOT / SDK.folder).glob(pattern))
    if not found:
        raise NotReady(f"{SDK.folder} holds no signer for {system}-{machine}")
    return str(found[0])


async def play(run: Run, library: str, follow: Callable[[Transcript], None]) -> Ended:
    """Start venues and script, read the script's lines, end both, and return what came of it.

    `follow` is told after every line. An error that the venues write counts as a failed check.
    """
    transcript = Transcript(run.title)
    with TemporaryFile() as venue_errors, TemporaryFile() as script_errors:
        try:
            async with (
                venues(run, venue_errors) as ready,
                start_script(run, library, script_errors) as process,
            ):
                why = await read(process, ready, transcript, follow)
        except VenuesDown as down:
            return Ended([Result(run.title, START, Outcome.FAILED, str(down))], "")
        results = transcript.end(why)
        if said := tail(venue_errors):
            results.append(Result(run.title, SILENCE, Outcome.FAILED, said))
        return Ended(results, "\n".join([*transcript.log, tail(script_errors)]).strip())


@asynccontextmanager
async def venues(run: Run, errors: IO[bytes]) -> AsyncIterator[str]:
    """Give the ready line of fresh venues on free ports. Raises `VenuesDown` if none comes."""
    command = (sys.executable, "-m", "desk.sim", "--lighter-port", "0", "--pacifica-port", "0")
    process = await asyncio.create_subprocess_exec(
        *command, *run.options, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors
    )
    try:
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), READY_S_MAX)
        except TimeoutError:
            line = b""
        if not line:
            raise VenuesDown(tail(errors) or f"no ready line within {READY_S_MAX:g} s")
        yield line.decode()
    finally:
        await end(process)


@asynccontextmanager
async def start_script(
    run: Run, library: str, errors: IO[bytes]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Give the script's process, and end it. A proxy of ours is not for the venues on loopback."""
    process = await asyncio.create_subprocess_exec(
        run.environment.python,
        "-m",
        run.module,
        *[argument.format(library=library) for argument in run.arguments],
        cwd=ROOT,
        env=os.environ | {"NO_PROXY": "*", "no_proxy": "*"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield process
    finally:
        await end(process)


async def read(
    process: asyncio.subprocess.Process,
    ready: str,
    transcript: Transcript,
    follow: Callable[[Transcript], None],
) -> str:
    """Read the script's lines to its end, or to its deadline; return how it ended if not well."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(ready.encode())
    process.stdin.close()
    try:
        async with asyncio.timeout(SCRIPT_S_MAX):
            async for line in process.stdout:
                transcript.feed(line.decode("utf-8", "replace"))
                follow(transcript)
            code = await process.wait()
    except TimeoutError:
        return f"the script took more than {SCRIPT_S_MAX:g} s, at: {transcript.now}"
    return f"the script ended with exit code {code}" if code else ""


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process of ours: first kindly."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_S_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()


def tail(file: IO[bytes]) -> str:
    """Return the last lines of what a process wrote."""
    file.seek(0)
    lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
