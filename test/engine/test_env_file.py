"""The owner's `.env`: the shell wins, slips are named, and no value is ever repeated."""

from pathlib import Path

import pytest

from desk.core.errors import ConfigError
from desk.engine.env_file import (
    EMERGENCY_PAIR,
    NEEDED,
    OPTIONAL,
    Environment,
    read_environment,
    require,
)
from desk.engine.home import HOME_VARIABLE
from test.conftest import product_variables

GOOD = "".join(f"{name}=x\n" for name in NEEDED)


def environment(folder: Path, text: str, *, mode: int = 0o600, **shell: str) -> Environment:
    """Return what a `.env` with this text gives."""
    path = folder / ".env"
    path.write_text(text)
    path.chmod(mode)
    return read_environment(path, shell)


def remark(folder: Path, text: str) -> str:
    """Return the one remark on a `.env`, without the path at its head."""
    (said,) = environment(folder, text).remarks
    assert said.startswith(f"{folder}/.env: ")
    assert "hush" not in said
    return said.removeprefix(f"{folder}/.env: ")


def test_the_shell_wins_where_it_says_something(tmp_path: Path) -> None:
    """An empty variable of the shell says nothing."""
    env = environment(tmp_path, "SOL_WALLET=file\nAPI_PUBLIC=file\n", SOL_WALLET="", API_PUBLIC="s")

    assert {"SOL_WALLET": "file", "API_PUBLIC": "s"} == env.values


def test_quotes_export_blanks_and_the_editors_mark_do_not_matter(tmp_path: Path) -> None:
    """Whatever shells and editors leave in such a file."""
    env = environment(tmp_path, "\ufeffexport SOL_WALLET = 'a'\r\n# no\nAPI_PUBLIC=\"b\"  # why\n")

    assert ({"SOL_WALLET": "a", "API_PUBLIC": "b"}, ()) == (env.values, env.remarks)


def test_a_dollar_in_a_value_stands_for_itself(tmp_path: Path) -> None:
    """A key is taken as it is written."""
    env = environment(tmp_path, "PACIFICA_API_KEY=a${HOME}b$c\n", HOME="x")

    assert "a${HOME}b$c" == env.values["PACIFICA_API_KEY"]


def test_no_file_is_no_variable(tmp_path: Path) -> None:
    """Everything may come from the shell."""
    assert Environment({"A": "b"}, ()) == read_environment(tmp_path / ".env", {"A": "b"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("API_KEY_PRIVAT_KEY", "API_KEY_PRIVATE_KEY"),
        ("SOLWALLET", "SOL_WALLET"),
        ("sol_wallet", "SOL_WALLET"),
        ("API_PRIVATE_KEY", "API_KEY_PRIVATE_KEY"),
        ("ACCOUNT_INDX", "ACCOUNT_INDEX"),
        ("LIGHTER_URL", "LIGHTER_WS_URL"),
        ("PACIFICA_BASE_URI", "PACIFICA_BASE_URL"),
        ("EMERGENCY_KEY_INDEX", "EMERGENCY_API_KEY_INDEX"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(tmp_path: Path, name: str, meant: str) -> None:
    """The name is shown and the one that was probably meant."""
    expected = f"{name} is not used, did you mean {meant}?"

    assert expected == remark(tmp_path, f"{GOOD}{name}=hush\n")


@pytest.mark.parametrize("name", ["TZ", "NO_COLOR", "PATH", "COMPOSE_PROJECT_NAME", "DB_HOST"])
def test_a_strangers_name_is_left_alone(tmp_path: Path, name: str) -> None:
    """Other programs may share the file."""
    assert () == environment(tmp_path, f"{name}=x\n").remarks


def test_the_shells_strangers_are_none_of_our_business(tmp_path: Path) -> None:
    """Only the file is looked at."""
    assert () == environment(tmp_path, GOOD, SOLWALLET="x", HEDGE_HOME="y").remarks


def test_the_home_cannot_be_set_in_the_file_it_holds(tmp_path: Path) -> None:
    """Whoever tries is told where it belongs."""
    assert "set it in the shell, or pass --home DIR" in remark(tmp_path, f"{HOME_VARIABLE}=x\n")


def test_a_line_that_is_no_variable_is_told_by_its_number(tmp_path: Path) -> None:
    """Not by its content: it may be a key that lost its name."""
    expected = "line 2 is not NAME=value and was left out"

    assert expected == remark(tmp_path, "SOL_WALLET=x\nhush hush\nAPI_PUBLIC=y\n")


def test_a_name_given_twice_is_told(tmp_path: Path) -> None:
    """Which one counts is no secret."""
    text = "SOL_WALLET=a\nSOL_WALLET=b\n"

    assert "SOL_WALLET is given twice, the last one counts" == remark(tmp_path, text)
    assert {"SOL_WALLET": "b"} == environment(tmp_path, text).values


def test_many_slips_are_one_line(tmp_path: Path) -> None:
    """Three are named and the others counted."""
    said = remark(tmp_path, "".join(f"API_PUBLIC_{number}=hush\n" for number in range(7)))

    assert (3, True) == (said.count("did you mean"), said.endswith("; and 4 more"))


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_file_open_to_others_is_told(tmp_path: Path, mode: int, is_open: int) -> None:
    """With the command that mends it; it is still read."""
    env = environment(tmp_path, GOOD, mode=mode)
    path = tmp_path / ".env"
    said = f"{path} holds keys and is open to other users: chmod 600 {path}"

    assert (said,) * is_open == env.remarks
    assert set(NEEDED) == set(env.values)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    """Blanks are nothing; with a file, its path is told."""
    env = environment(tmp_path, GOOD + "SOL_WALLET=\nAPI_PRIVATE='  '\n")

    with pytest.raises(ConfigError, match=r"^SOL_WALLET, API_PRIVATE are missing; set in .*/.env"):
        require(env.values, tmp_path / ".env")


def test_without_a_file_the_way_to_one_is_told(tmp_path: Path) -> None:
    """The example is to be copied."""
    with pytest.raises(ConfigError) as caught:
        require({}, tmp_path / ".env")

    assert f"{NEEDED[0]}, " in str(caught.value)
    assert f"cp .env.example {tmp_path}/.env, fill it in, and chmod 600" in str(caught.value)


def test_the_known_names_are_those_of_the_example() -> None:
    """No variable is explained that nobody reads, or read that nobody explains."""
    assert sorted((*NEEDED, *OPTIONAL, HOME_VARIABLE)) == sorted(product_variables())


@pytest.mark.parametrize("name", EMERGENCY_PAIR)
def test_half_an_emergency_key_is_named(tmp_path: Path, name: str) -> None:
    """Better at the start of the bot than in the panic."""
    (other,) = (each for each in EMERGENCY_PAIR if each != name)
    assert f"of no use without {other}" in remark(tmp_path, f"{GOOD}{name}=hush\n")
