"""Numbers of a person at several visits, side by side in one wide row: how closely they still go together.

    python tests/benchmarks/visits.py [--patients 1200] [--seeds 2] [--models autoregressive,copula]

An invented cohort: 30 measurements at four visits, each as the person usually is and as visits vary, given as
measurements are (pressures in even numbers, weights in tenths), some missing. Spearman's correlation of the first two
visits in the training patients, in as many others, and in generated rows; the mean distance from the others over all
pairs of visits of a measurement, over pairs of different measurements at a visit, and the AUC of a likelihood attack
(see ``remembering.py``).
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from synthgen import workflow
from synthgen.artifact.table import TableSynthesizer
from synthgen.inputs import only_table
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.read import read
from tests.benchmarks.clock import machine, table, timed
from tests.benchmarks.remembering import of_patients

VISITS = 4
MEASUREMENTS = 30
SHOWN = {"sbp": (138.0, 18.0, 2.0), "glucose": (6.1, 1.4, 0.1), "weight": (79.0, 15.0, 0.1), "hdl": (1.4, 0.4, 0.01)}
HEADER = ("model", "seed", "fit s", *SHOWN, "visits", "measurements", "attack")
