"""A secret shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from desk.core.secret import Secret

TEXT = "0xdeadbeefcafe"


@dataclass(frozen=True)
class Account:
    """Something that holds a secret, as configurations do."""

    index: int
    key: Secret


def test_a_secret_reveals_what_it_holds() -> None:
    """The text comes back unchanged."""
    assert TEXT == Secret(TEXT).reveal()


@pytest.mark.parametrize("show", [repr, str, format, "{}".format, "{!r:>20}".format, "%s".__mod__])
def test_a_secret_prints_as_stars(show: Callable[[object], str]) -> None:
    """No way of printing it, alone or inside something, shows it."""
    assert "Secret(****)" in show(Secret(TEXT))
    assert TEXT not in show(Secret(TEXT))
    assert TEXT not in repr(Account(7, Secret(TEXT)))


@pytest.mark.parametrize("encode", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_copied_or_pickled(encode: Callable[[object], object]) -> None:
    """A serialised secret is a leaked one."""
    with pytest.raises(TypeError, match="not serialised"):
        encode(Secret(TEXT))


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode])
def test_a_secret_is_not_json(encode: Callable[[object], object]) -> None:
    """Neither encoder of the project takes it."""
    with pytest.raises(TypeError):
        encode({"key": Secret(TEXT)})


def test_an_empty_secret_is_refused() -> None:
    """A missing variable is a missing variable, not a secret of length nought."""
    with pytest.raises(ValueError, match="empty"):
        Secret("")
