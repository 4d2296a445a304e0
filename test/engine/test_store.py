"""What was saved comes back, what was not saved whole is never taken for it."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from desk.core.errors import StateError
from desk.engine.store import StateStore
from desk.hedge.state import SCHEMA, BotState
from test.engine.states import AT_MS, Purse, holding_state

OLD, NEW = Purse(1), Purse(2, names={"ETH": 0, "BTC": None})


def purse_store(folder: Path, *, schema: int = 1) -> StateStore[Purse]:
    """Return a store of purses in `folder`."""
    return StateStore(folder / "state.json", kind=Purse, schema=schema)


def saved_twice(folder: Path) -> StateStore[Purse]:
    """Return a store that holds `NEW`, with `OLD` as its previous generation."""
    store = purse_store(folder)
    store.save(OLD, at_ms=AT_MS)
    store.save(NEW, at_ms=AT_MS + 1)
    return store


def loaded(store: StateStore[Purse]) -> tuple[Purse, bool]:
    """Return what the store holds, and whether the owner is told something about it."""
    found = store.load()
    assert found is not None
    return found.state, found.notice is not None


@contextmanager
def small_disk(size_max: int) -> Iterator[None]:
    """Let no file grow beyond `size_max` bytes, as if the disk were full there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_max, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_nothing_saved_is_no_state(tmp_path: Path) -> None:
    """A home without a state file has none, which is not an error."""
    assert purse_store(tmp_path).load() is None


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    """The newest state is read back equal, with nothing to tell the owner."""
    assert (NEW, False) == loaded(saved_twice(tmp_path))


def test_a_bot_in_a_hedge_comes_back_whole(tmp_path: Path) -> None:
    """Every field of a real state survives: amounts, ids, enumerations, tuples and tables."""
    store = StateStore(tmp_path / "state.json", kind=BotState, schema=SCHEMA)
    state = holding_state()
    store.save(state, at_ms=AT_MS)

    found = store.load()

    assert found is not None
    assert state == found.state
    assert Decimal("92000.5") == found.state.hedge.intents[0].price  # type: ignore[union-attr]


def test_the_same_state_makes_the_same_bytes(tmp_path: Path) -> None:
    """A save depends on the state and its instant alone."""
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(saved_twice(tmp_path / name).path.read_bytes())

    assert files[0] == files[1]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """Both generations have mode 0600."""
    store = saved_twice(tmp_path)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (store.path, store.previous)]

    assert [0o600, 0o600] == modes


def test_a_save_makes_the_folder(tmp_path: Path) -> None:
    """The first save does not need a folder prepared for it."""
    store = purse_store(tmp_path / "state" / "demo")
    store.save(NEW, at_ms=AT_MS)

    assert (NEW, False) == loaded(store)


def test_a_file_cut_anywhere_is_not_believed(tmp_path: Path) -> None:
    """Cut after any byte, the newest file is passed over for the previous one, with a notice."""
    store = saved_twice(tmp_path)
    whole = store.path.read_bytes()

    for length in range(len(whole) - 1):  # the very last byte is only the newline
        store.path.write_bytes(whole[:length])
        assert (OLD, True) == loaded(store), length


def test_a_changed_byte_of_the_state_is_noticed(tmp_path: Path) -> None:
    """Whatever byte of the state is hit, the checksum tells."""
    store = saved_twice(tmp_path)
    whole = store.path.read_bytes()
    begin = whole.index(b'"state":') + len(b'"state":')

    for place in range(begin, len(whole) - 2):
        store.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert (OLD, True) == loaded(store), place


@pytest.mark.parametrize("damage", [b"", b"\0" * 400, b"{}", b"[]", b"null", b"\xff", b"<html>"])
def test_a_damaged_file_gives_way_to_the_previous_one(tmp_path: Path, damage: bytes) -> None:
    """Zeroes, nothing, or anything else that is no state is passed over, and the notice says so."""
    store = saved_twice(tmp_path)
    store.path.write_bytes(damage)

    found = store.load()

    assert found is not None
    assert OLD == found.state
    assert "used state.json.previous, because state.json: " in (found.notice or "")


def test_a_lost_file_gives_way_to_the_previous_one(tmp_path: Path) -> None:
    """A newest file that is gone is told, not silently replaced by an older one."""
    store = saved_twice(tmp_path)
    store.path.unlink()

    found = store.load()

    assert found is not None
    assert OLD == found.state
    assert "used state.json.previous, because state.json is missing" == found.notice


def test_two_damaged_files_are_never_a_fresh_start(tmp_path: Path) -> None:
    """With no generation left the start is refused, and the message says what to do."""
    store = saved_twice(tmp_path)
    store.path.write_bytes(b"\0" * 100)
    store.previous.write_bytes(b"")

    match = r"damaged.*may still be open on the venues.*restore a good copy of state\.json, or move"
    with pytest.raises(StateError, match=match):
        store.load()


def test_a_first_file_that_is_damaged_is_never_a_fresh_start(tmp_path: Path) -> None:
    """A damaged file without a previous generation is refused as well."""
    store = purse_store(tmp_path)
    store.path.write_bytes(b"{")

    with pytest.raises(StateError, match="damaged"):
        store.load()


def test_a_file_that_may_not_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """What cannot be read may be newer than what can: the older one is not used in its place."""
    store = saved_twice(tmp_path)
    store.path.unlink()
    store.path.mkdir()

    with pytest.raises(StateError, match=r"cannot be read.*mend that"):
        store.load()


def test_an_older_program_refuses_a_newer_file_and_touches_nothing(tmp_path: Path) -> None:
    """The state of a newer program is left byte for byte as it was, whatever its shape."""
    newer = purse_store(tmp_path, schema=2)
    newer.save(NEW, at_ms=AT_MS)
    text = b'{"schema": 3, "shape": "of tomorrow"}'
    newer.path.write_bytes(text)
    files = sorted(tmp_path.iterdir())

    with pytest.raises(StateError, match=r"newer program \(schema 3, this one knows 2\); update"):
        newer.load()

    assert text == newer.path.read_bytes()
    assert files == sorted(tmp_path.iterdir())


def test_a_newer_program_reads_an_older_file(tmp_path: Path) -> None:
    """A lower schema number is read."""
    saved_twice(tmp_path)

    assert (NEW, False) == loaded(purse_store(tmp_path, schema=9))


def test_a_state_from_before_a_field_was_thought_of_is_read(tmp_path: Path) -> None:
    """What an older program did not write has its default: no doubt, no latch."""
    store = StateStore(tmp_path / "state.json", kind=BotState, schema=SCHEMA)
    state = holding_state()
    fields = msgspec.to_builtins(state)
    for name in ("doubt", "halt_reason", "by_hand", "stop_asked"):
        del fields[name]
    older = StateStore(store.path, kind=dict, schema=1)
    older.save(fields, at_ms=AT_MS)

    found = store.load()

    assert found is not None
    assert (state, None) == (found.state, found.notice)


def test_left_overs_of_a_save_are_not_read(tmp_path: Path) -> None:
    """Temporary files of a save that died neither count as a state nor stop the next save."""
    store = purse_store(tmp_path)
    for name in ("state.json.new", "state.json.previous.new"):
        (tmp_path / name).write_bytes(b"half a sta")
    assert store.load() is None

    saved_twice(tmp_path)

    assert (NEW, False) == loaded(store)
    assert ["state.json", "state.json.previous"] == sorted(p.name for p in tmp_path.iterdir())


def test_a_full_disk_raises_and_harms_nothing(tmp_path: Path) -> None:
    """A save that finds no room says so; what was saved before is still there, and later saves
    work."""
    store = saved_twice(tmp_path)
    large = Purse(3, names={"X" * 1000: 1})

    with small_disk(500), pytest.raises(OSError, match="File too large"):
        store.save(large, at_ms=AT_MS)
    assert (NEW, False) == loaded(store)

    store.save(large, at_ms=AT_MS)
    assert (large, False) == loaded(store)


def test_a_save_after_a_damage_spares_the_good_generation(tmp_path: Path) -> None:
    """The damaged file is set aside for people; the one that was used stays until there is a
    second good one."""
    store = saved_twice(tmp_path)
    store.path.write_bytes(b"{")
    assert (OLD, True) == loaded(store)

    store.save(NEW, at_ms=AT_MS + 2)

    assert b"{" == store.damaged.read_bytes()
    assert (NEW, False) == loaded(purse_store(tmp_path))
    store.path.unlink()
    assert (OLD, True) == loaded(purse_store(tmp_path))


def test_a_save_that_was_never_named_counts_where_the_file_is_lost(tmp_path: Path) -> None:
    """What a save wrote before it died may have been newer than the previous generation."""
    store = saved_twice(tmp_path)
    store.path.rename(tmp_path / "state.json.new")

    found = store.load()

    assert found is not None
    assert (NEW, "used state.json.new, because state.json is missing") == (
        found.state,
        found.notice,
    )


def test_a_folder_in_its_place_raises(tmp_path: Path) -> None:
    """A path that is a folder is an `OSError` on saving, like every other refusal of the disk."""
    store = purse_store(tmp_path)
    store.path.mkdir()

    with pytest.raises(OSError, match=r"state\.json"):
        store.save(NEW, at_ms=AT_MS)


def test_a_file_where_the_folder_should_be_raises(tmp_path: Path) -> None:
    """A home that cannot hold files is an `OSError` on saving."""
    (tmp_path / "home").write_text("a file")

    with pytest.raises(OSError, match="home"):
        purse_store(tmp_path / "home" / "state").save(NEW, at_ms=AT_MS)


def test_a_state_is_one_readable_line(tmp_path: Path) -> None:
    """The file is one JSON object, so that a human can read it in need."""
    text = saved_twice(tmp_path).path.read_bytes()

    assert 1 == text.count(b"\n")
    assert {"count": 2, "usd": "1.50", "names": {"ETH": 0, "BTC": None}} == msgspec.json.decode(
        text
    )["state"]
