"""Teeth for those who show none: a photo may smile broadly where the donor's lips are shut."""

from __future__ import annotations

from functools import cache
from zlib import crc32

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.donors.bank import Donor


def lender(donor_id: str) -> Donor:
    """The donor of the bank whose smile that donor borrows: always the same one, and as a rule another for each."""
    broad = _broad()
    return broad[crc32(donor_id.encode()) % len(broad)]


@cache
def _broad() -> tuple[Donor, ...]:
    donors = bank.load()
    return tuple(donors[str(donors.ids[row])] for row in np.flatnonzero(donors.mouth >= P.SMILE_BROAD))
