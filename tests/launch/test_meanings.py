"""What --help says of a field. A failure means that it tells something else than the
source."""

import dataclasses
from dataclasses import field

import pytest

from common.config import at_least, fields
from launch import catalogue
from launch.meanings import meanings


@dataclasses.dataclass
class Inner:
    # Above, on
    # two lines.
    width: int = at_least(1, 8)
    silent: int = 0
    long: int = at_least(1, 2)  # behind


@dataclasses.dataclass
class Base:
    steps: int = 3  # of the base


@dataclasses.dataclass
class Outer(Base):
    """A config."""

    # What stands alone is of no field.

    name: str = "a:b"  # with a : in it
    inner: Inner = field(default_factory=Inner)


def test_a_field_means_what_the_comments_beside_it_say():
    assert meanings(Outer()) == {
        "config.steps": "of the base",
        "config.name": "with a : in it",
        "config.inner.width": "Above, on two lines.",
        "config.inner.long": "behind",
    }


@pytest.mark.parametrize("name", catalogue.names())
def test_every_meaning_is_of_a_field(name):
    config = catalogue.load(name).get_config()
    known = {path for path, *_ in fields(config)}
    sections = {path.rpartition(".")[0] for path in known}
    assert {*meanings(config)} <= known | sections
