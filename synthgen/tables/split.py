"""Which patients are held out: decided by a keyed hash, found again from the key, never stored row by row."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.errors import InputError, require_version
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.keys import lacking

#: Raised whenever the sides of patients would be others: a model of an older version is fitted again, not misread.
_FORMAT_VERSION: Final = 2
_PRIVATE: Final = 0o600


@dataclass(frozen=True)
class Split:
    """A division of the patients of one input.

    Attributes:
        key: 32 bytes that decide it. Whoever has the key and a patient's id knows the patient's side, so the key
            stays with the data.
        share: of the patients to hold out.
        patient: the patient column of a single table; ``None`` where every row is a unit of its own, and for several
            tables, whose rows find their patients through their links.
        missing: the texts of that column that mean missing; a blank one always does.
        input_mac: HMAC-SHA256 of the input's digest under the key.
    """

    key: bytes
    share: float
    patient: str | None
    input_mac: bytes
    missing: tuple[str, ...] = ()

    @classmethod
    def draw(
        cls,
        data: Table | Dataset,
        *,
        share: float,
        patient: str | None,
        missing: Sequence[str] = (),
        seed: int,
    ) -> Split:
        """The split of this input under this seed.

        The key depends on the input too, so that a published seed does not tell the sides of known patients.
        """
        digest = data.digest()
        key = hmac.digest(digest, f"synthgen split {seed}".encode(), "sha256")
        return cls(key, share, patient, hmac.digest(key, digest, "sha256"), tuple(missing))

    def blocks(self, table: Table) -> Iterator[tuple[pa.RecordBatch, NDArray[np.uint64], NDArray[np.bool_]]]:
        """The table block by block: all rows, the keyed hash of each row's unit, and which rows are held out."""
        first_row = 0
        for block in table:
            hashes = self._hashes(block, first_row)
            yield block, hashes, self.holds_out(hashes)
            first_row += block.num_rows

    def holds_out(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which units are held out, given their keyed hashes."""
        return np.asarray(hashes < np.uint64(min(int(self.share * 2.0**64), 2**64 - 1)), bool)

    def of_patients(self, ids: pa.StringArray) -> NDArray[np.uint64]:
        """The keyed hash of each patient, the same in every table; one without an id is told by its place."""
        by_text, anonymous = self._read(ids)
        return np.where(anonymous, self.of_rows("", len(ids)), by_text)

    def of_rows(self, table: str, rows: int) -> NDArray[np.uint64]:
        """The keyed hashes of the rows of one of several tables, for those that belong to no patient."""
        return _hashes_of_ordinals(hmac.digest(self.key, f"rows of {table}".encode(), "sha256"), 0, rows)

    def _hashes(self, block: pa.RecordBatch, first_row: int) -> NDArray[np.uint64]:
        by_row = _hashes_of_ordinals(self.key, first_row, block.num_rows)
        if self.patient is None:
            return by_row
        cells = block.column(self.patient)
        by_text, anonymous = self._read(cells.dictionary)
        indices = np.asarray(cells.indices)
        # A row without a patient id is a patient of its own.
        return np.where(anonymous[indices], by_row, by_text[indices])

    def _read(self, ids: pa.StringArray) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """The keyed hash of each id, spaces around it apart, and which are none."""
        texts = pc.utf8_trim_whitespace(ids)
        return _hashes_of_texts(self.key, texts), lacking(texts, self.missing)

    def require_same_input(self, data: Table | Dataset) -> None:
        """Raise ``InputError`` unless this is what was split."""
        if not hmac.compare_digest(hmac.digest(self.key, data.digest(), "sha256"), self.input_mac):
            raise InputError(
                f"{data.source}: this is not the data the model was fitted on, so its holdout is not known; "
                "give the original, or give the holdout as a file of its own with --holdout"
            )

    def save(self, path: Path) -> None:
        """Write the split for its owner's eyes only (mode 600)."""
        document = {
            "format_version": _FORMAT_VERSION,
            "warning": "Personal data: keep it beside the source data, never export it with the model.",
            "key": self.key.hex(),
            "share": self.share,
            "patient": self.patient,
            "missing": list(self.missing),
            "input_mac": self.input_mac.hex(),
        }
        beside = path.with_name(path.name + ".part")
        try:
            beside.unlink(missing_ok=True)
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Split:
        """Read what ``save`` wrote. Raises ``InputError`` where the file is missing, damaged or of another version."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            version = document["format_version"]
            if not isinstance(version, int) or version < 1:
                raise ValueError("no version")
            require_version(path, "split format", version, _FORMAT_VERSION, "fit the model again")
            key, mac = bytes.fromhex(document["key"]), bytes.fromhex(document["input_mac"])
            share, patient, missing = float(document["share"]), document["patient"], document["missing"]
            if (len(key), len(mac)) != (32, 32):
                raise ValueError("no key")
            if not 0 <= share < 1 or not isinstance(patient, str | None):
                raise ValueError("no share of patients")
            if not isinstance(missing, list) or not all(isinstance(token, str) for token in missing):
                raise ValueError("no tokens")
            return cls(key, share, patient, mac, tuple(missing))
        except FileNotFoundError:
            raise InputError(
                f"{path}: there is no split beside the model; put the file that `fit` wrote back, "
                "or give the holdout with --holdout"
            ) from None
        except (ValueError, KeyError, TypeError, OSError):
            raise InputError(f"{path}: this is not a readable split file; put the one that `fit` wrote back") from None


def _hashes_of_texts(key: bytes, texts: pa.StringArray) -> NDArray[np.uint64]:
    """Keyed hashes of patient ids: SipHash-2-4 (Aumasson and Bernstein 2012), made for keys an adversary lacks."""
    import pandas as pd

    distinct = texts.to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(distinct, hash_key=key[:8].hex(), categorize=False), np.uint64)


def _hashes_of_ordinals(key: bytes, first: int, count: int) -> NDArray[np.uint64]:
    """Keyed hashes of row numbers: the counter-based Philox generator, entered at the row (Salmon et al. 2011)."""
    words = 4  # one step of its counter yields four 64-bit words
    source = np.random.Philox(key=int.from_bytes(key[:16], "little"))
    source.advance(first // words)
    return np.asarray(source.random_raw(first % words + count)[first % words :], np.uint64)
