"""Query sets compiled once: the image gate asks the same few questions for every picture.

Django builds and compiles a query set anew each time, which takes several times as long as the database does to answer.
A prepared query is the same query set, written once in the ORM's words; its SQL is kept and only its arguments change.
Nothing about the *answer* is kept: every call asks the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

KEPT = 256  # statements of one query: lists of arguments come in so many (padded) lengths
LONGEST = 256  # keys in all lists together; longer ones are rare, and compiling is the least of their cost
FIRST_STAND_IN = 7_340_000_000_000_000  # no key, and not near to one; fits a bigint
Argument = int | UUID | Sequence[int] | Sequence[UUID]


class PreparedQuery:
    """``builder(*arguments)`` returns a ``values_list`` query set; each argument is a key or a non-empty list of keys.

    The builder must put its arguments into conditions and do nothing else with them: it is called with stand-ins.
    Lists are filled up to the next power of two by repeating a key, so that few statements serve all lengths.
    """

    def __init__(self, builder: Callable[..., QuerySet]) -> None:
        self._builder = builder
        self._compile = lru_cache(KEPT)(partial(_compile, builder))

    def __call__(self, *arguments: Argument, using: str = "default") -> list[tuple]:
        """The rows. Raises ValueError for an empty list: the answer is known without the database."""
        filled = [_filled(argument) for argument in arguments]
        if sum(len(values) for values, _ in filled) > LONGEST:
            return list(self._builder(*arguments).using(using))
        shape = tuple((type(values[0]), len(values), single) for values, single in filled)
        statement = self._compile(using, shape)
        return statement.run([value for values, _ in filled for value in values], using)


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    parameters: tuple[object, ...]
    places: tuple[tuple[int, int], ...]  # (index in parameters, index among the arguments' keys)
    as_text: bool  # whether this database takes a UUID as its 32 hex digits
    convert: Callable[[list[tuple]], Iterable[Sequence[object]]]

    def run(self, keys: list[int | UUID], using: str) -> list[tuple]:
        parameters = list(self.parameters)
        for place, index in self.places:
            key = keys[index]
            parameters[place] = key.hex if self.as_text and isinstance(key, UUID) else key
        with connections[using].cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows = cursor.fetchall()
        return [tuple(row) for row in self.convert(rows)]


def _filled(argument: Argument) -> tuple[list, bool]:
    if isinstance(argument, int | UUID):
        return [argument], True
    keys = list(argument)
    if not keys:
        raise ValueError("a prepared query needs at least one key in every list")
    length = 1 << (len(keys) - 1).bit_length()
    return keys + keys[-1:] * (length - len(keys)), False


def _compile(
    builder: Callable[..., QuerySet], using: str, shape: tuple[tuple[type, int, bool], ...]
) -> _Statement:
    """Compile the query set with stand-ins for its keys, and find where they ended up among the parameters."""
    arguments, stand_ins = [], []
    for kind, length, single in shape:
        values = [kind(int=number) if kind is UUID else number for number in _numbers(len(stand_ins), length)]
        stand_ins += values
        arguments.append(values[0] if single else values)
    compiler = builder(*arguments).using(using).query.get_compiler(using)
    sql, parameters = compiler.as_sql()
    index = {value: i for i, value in enumerate(stand_ins)}
    index |= {value.hex: i for value, i in index.items() if isinstance(value, UUID)}
    places = tuple((place, index[value]) for place, value in enumerate(parameters) if _is_key(value, index))
    if {i for _, i in places} != set(range(len(stand_ins))):
        raise TypeError("the query does not use all of its arguments as they are")
    converters = compiler.get_converters([column[0] for column in compiler.select[: compiler.col_count]])
    as_text = not connections[using].features.has_native_uuid_field

    def convert(rows: list[tuple]) -> Iterable[Sequence[object]]:
        return compiler.apply_converters(rows, converters) if converters else rows

    return _Statement(sql, tuple(parameters), places, as_text, convert)


def _numbers(taken: int, length: int) -> range:
    return range(FIRST_STAND_IN + taken, FIRST_STAND_IN + taken + length)


def _is_key(value: object, index: dict) -> bool:
    return isinstance(value, int | str | UUID) and value in index
