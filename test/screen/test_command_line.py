"""The command line is read, or refused in one line that names the mistake and the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from desk.screen.command_line import parse_args

REFUSED = [
    (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    (["halp"], "no such command: halp; there are status, pause, "),
    (["--cycle", "3"], "unrecognized arguments: --cycle;"),
    (["--seed", "3"], "--speed and --seed belong to --demo; add --demo"),
    (["--speed", "0"], "--speed and --seed belong to --demo; add --demo"),
    (["--demo", "--seed", "x"], "argument --seed: 'x' is not a number: write a whole number"),
    (["--demo", "--seed"], "argument --seed: expected one argument"),
    (["--demo", "--speed", "-1"], "argument --speed: -1 is not allowed: write 0 to 1e9"),
    (["--demo", "--speed", "nan"], "argument --speed: nan is not allowed: write 0 to 1e9"),
    (["--demo", "--speed", "fast"], "'fast' is not a number: write a number, 0 to 1e9"),
    (["--cycles", "0"], "argument --cycles: 0 is not allowed: write 1 or more"),
    (["--cycles", "two"], "'two' is not a number: write a whole number, 1 or more"),
    (["--cycles", "1.5"], "'1.5' is not a number: write a whole number, 1 or more"),
    (["--snapshot", "x.json"], "--snapshot belongs to --once; add --once"),
    (["stop", "now"], "no such command: stop now"),
    (["pause", "--demo"], "pause is for a bot that runs: leave --demo, --once, --cycles out"),
    (["close", "--now"], "--now belongs to stop"),
    (["--home"], "argument --home: expected one argument"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=str)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Exit code 2, nothing on stdout, one line on stderr."""
    with pytest.raises(SystemExit) as leaving:
        parse_args(words)

    printed = capsys.readouterr()
    assert (2, "") == (leaving.value.code, printed.out)
    assert 1 == printed.err.count("\n")
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert "see lighter_pacifica_hedge.py --help" in printed.err


def test_nothing_means_live() -> None:
    """Without options it is the live daemon in the present folder, as long as it takes."""
    args = parse_args([])

    assert not any((args.demo, args.once, args.plain))
    assert (None,) * 5 == (args.home, args.config, args.state, args.journal, args.cycles)


def test_options_are_read() -> None:
    """Paths are paths and numbers are numbers."""
    words = "--demo --seed -4 --speed 1e3 --cycles 2 --home h --config c --state s --journal j"
    args = parse_args(words.split())

    assert (True, -4, 1000.0, 2) == (args.demo, args.seed, args.speed, args.cycles)
    assert [Path(name) for name in "hcsj"] == [args.home, args.config, args.state, args.journal]


def test_a_command_takes_its_flags_before_and_after() -> None:
    """Where the home stands does not matter."""
    for words in (["stop", "--now", "--home", "h"], ["--home", "h", "--now", "stop"]):
        args = parse_args(words)
        assert ("stop", True, Path("h")) == (args.command, args.now, args.home)


def test_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """The manual shows how to begin and what the exit codes mean."""
    with pytest.raises(SystemExit) as leaving:
        parse_args(["--help"])

    text = capsys.readouterr().out
    assert 0 == leaving.value.code
    assert "lighter_pacifica_hedge.py --demo" in text
    assert "3 another instance runs" in text
    assert all(len(line) <= 100 for line in text.splitlines())
