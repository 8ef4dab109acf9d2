"""Make the sample data: an invented hospital whose dependencies are known, so that tests can look for them.

    python sample_data/make.py            # writes encounters.csv and related/*.csv beside this file

Nothing here comes from a real person, register or hospital. The files look like many European extracts: semicolons,
decimal commas, dates as dd.mm.yyyy, UTF-8. The same seed gives the same bytes: only uniform draws of numpy's PCG64 are
used, and every other distribution is computed from them here.

encounters.csv has one row per encounter, about 3,500 patients and 5,400 rows. What is planted in it (the figures are
the constants below, and tests/test_sample_data.py finds each of them in the file):

- a patient's name, sex, birth date, municipality, diabetes and smoking are the same in all of that patient's rows;
- the given name agrees with the sex; the municipality's code fixes its name; the age follows from the two dates;
- a third of the patients have several encounters, diabetics more often (SEVERAL_ENCOUNTERS);
- admissions fall on Saturday and Sunday about half as often as on a working day (WEEKDAY_WEIGHTS);
- diabetes depends on age (DIABETES_SHARE);
- hba1c is missing because of diabetes: it is measured in 85 % of diabetics' rows and 10 % of the others'
  (HBA1C_MEASURED), and is about 2 percentage points higher in diabetics (HBA1C_MEAN, HBA1C_SPREAD);
- the diagnosis depends on age and sex, with a long tail; O codes, C53, C54, C56, D25, N81 and N83 occur in
  women only, C61, C62 and N40 in men only (WOMEN_ONLY, MEN_ONLY), E10 and E11 in diabetics only;
- the department follows from the diagnosis's chapter in nine rows of ten (OWN_DEPARTMENT), else it is `Emergency`;
- atc_code is one that treats the diagnosis's chapter, in the shares of the chapter's list; it is empty in 15 % of rows
  (ATC_MISSING);
- creatinine is a whole number, higher in men and with age (CREATININE_*); one in three is rounded to a ten;
- crp below 5 is written `<5`; infections (chapters A, J, N) multiply it by about 6 (CRP_INFECTION);
- systolic_bp rises with age; seven in ten values are rounded to a ten (BP_HEAPED);
- smoker is empty in 8 % of patients, and `unknown` in 5 % (SMOKER_EMPTY, SMOKER_UNKNOWN), two reasons of missingness;
- severity rises with age and secondary diagnoses; it drives icu (ICU_SHARE) and los_days (LOS_MEAN);
- readmitted_30d is logistic in severity, age and diabetes (READMISSION).

related/ tells the first 400 of the same patients as four tables: patients, encounters (keyed to patients), diagnoses
(one row per code; position 1 is the principal one) and labs (one row per result: code, value, unit). There, hba1c is
given in mmol/mol instead of % in three results of ten (HBA1C_MMOL), so that the value depends on the unit.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import NormalDist
from typing import TypeVar

import numpy as np

T = TypeVar("T")

SEED = 20_240_229
PATIENTS = 3_500
RELATED_PATIENTS = 400
FIRST_DAY, LAST_DAY = date(2021, 1, 1), date(2023, 12, 31)

#: Share of patients with more than one encounter, by diabetes.
SEVERAL_ENCOUNTERS = {"yes": 0.50, "no": 0.30}
#: Monday to Sunday, relative.
WEEKDAY_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.95, 0.5, 0.45)
#: Share of diabetics by age at the first of January 2021: under 40, 40 to 64, 65 and over.
DIABETES_SHARE = {"under 40": 0.04, "40 to 64": 0.15, "65 and over": 0.28}

HBA1C_MEASURED = {"yes": 0.85, "no": 0.10}
HBA1C_MEAN = {"yes": 7.6, "no": 5.5}
HBA1C_SPREAD = {"yes": 1.1, "no": 0.35}
#: Share of hba1c results in related/labs.csv that are in mmol/mol: 10.93 times the per cent, less 23.5.
HBA1C_MMOL = 0.30

CREATININE_MEASURED = 0.80
CREATININE_AT_50 = {"F": 66.0, "M": 84.0}
CREATININE_PER_YEAR = 0.40
CREATININE_SPREAD = 12.0
CREATININE_HEAPED = 0.33

CRP_MEASURED = 0.85
CRP_MEDIAN = 8.0
CRP_INFECTION = 6.0
CRP_LOWEST = 5
INFECTIONS = "AJN"

BP_MEASURED = 0.92
BP_AT_50 = 130.0
BP_PER_YEAR = 0.45
BP_HEAPED = 0.70

#: From and to which age, at the first day, and how many patients, relatively.
AGES, AGE_WEIGHTS = ((-2.9, 1.0), (1.0, 18.0), (18.0, 45.0), (45.0, 70.0), (70.0, 96.0)), (4, 8, 25, 34, 29)
SMOKER_EMPTY, SMOKER_UNKNOWN = 0.08, 0.05
OWN_DEPARTMENT = 0.90
ATC_MISSING = 0.15

SEVERITIES = ("mild", "moderate", "severe")
ICU_SHARE = {"mild": 0.01, "moderate": 0.06, "severe": 0.30}
LOS_MEAN = {"mild": 2.0, "moderate": 4.5, "severe": 9.0}
#: Log odds of readmission: constant, per step of severity, per year over 60, and for diabetes.
READMISSION = {"constant": -2.9, "severity": 0.90, "age": 0.020, "diabetes": 0.70}

WOMEN_ONLY = ("O", "C53", "C54", "C56", "D25", "N81", "N83")
MEN_ONLY = ("C61", "C62", "N40")

# Diagnoses of each chapter, the commonest first: the k-th has a weight of 1 / k, which makes the long tail.
DIAGNOSES = {
    "A": "A41.9 A09.9 A46 A41.5 A40.9 A04.7 A08.1 A49.9 A08.0 A39.0 A15.0 A69.2",
    "C": "C50.9 C61 C34.9 C18.9 C20 C67.9 C34.1 C18.7 C56 C25.9 C90.0 C43.9 C54.1 C83.3 C16.9 C71.9 C53.9 C22.0 C92.0 "
    "C91.1 C73 C32.0 C15.5 C62.9",
    "D": "D50.9 D64.9 D12.6 D25.9 D62 D70 D68.3 D69.6 D46.9 D86.0",
    "E": "E11.9 E86 E87.1 E11.6 E10.9 E11.7 E66.9 E11.2 E03.9 E05.0 E10.1 E87.6 E11.5 E21.0 E83.5 E27.1 E84.0",
    "F": "F10.0 F32.1 F20.0 F32.2 F10.3 F31.9 F41.1 F43.0 F05.9 F60.3 F50.0 F11.2 F84.0",
    "G": "G40.9 G45.9 G20 G35 G30.9 G43.9 G40.2 G41.0 G47.3 G61.0 G12.2",
    "H": "H25.1 H81.1 H40.1 H66.9 H33.0 H35.3 H91.2",
    "I": "I48.9 I50.9 I21.4 I63.9 I10 I20.9 I25.1 I48.0 I21.1 I26.9 I64 I50.0 I21.0 I63.4 I35.0 I47.1 I20.0 I11.0 "
    "I44.2 I70.2 I61.9 I71.4 I80.2 I33.0 I42.0 I49.5 I83.9 I95.1",
    "J": "J18.9 J44.1 J44.0 J15.9 J20.9 J45.9 J22 J96.0 J69.0 J06.9 J90 J12.1 J35.0 J84.1 J10.1 J93.1 J47",
    "K": "K35.8 K80.2 K57.3 K40.9 K56.6 K92.2 K80.1 K85.9 K50.9 K52.9 K59.0 K70.3 K29.7 K51.9 K25.4 K43.9 K81.0 K21.0 "
    "K90.0 K75.0",
    "L": "L03.1 L02.4 L40.0 L97 L20.9 L89.2 L27.0",
    "M": "M16.1 M17.1 M54.5 M51.1 M10.9 M48.0 M05.9 M75.1 M80.0 M32.1 M31.5 M46.4",
    "N": "N39.0 N10 N40 N20.1 N17.9 N18.5 N20.0 N13.2 N30.0 N81.1 N04.9 N83.2",
    "O": "O80 O82.1 O70.0 O48 O36.5 O42.0 O14.1 O72.1 O60.1 O03.4 O00.1 O24.4 O21.1",
    "P": "P07.3 P59.9 P22.0 P36.9 P21.1 P05.1",
    "R": "R07.4 R10.4 R55 R50.9 R06.0 R51 R31 R04.0 R56.0 R42",
    "S": "S72.0 S06.0 S82.6 S52.5 S72.1 S42.2 S22.3 S32.0 S82.1 S01.0 S27.0 S36.0 S83.5",
}
#: Relative weights of the chapters at ages under 1, 1 to 17, 18 to 44, 45 to 69, and 70 and over.
CHAPTERS = {
    "A": (8, 6, 3, 4, 6),
    "C": (0, 1, 4, 15, 14),
    "D": (1, 2, 3, 4, 4),
    "E": (1, 3, 4, 6, 6),
    "F": (0, 4, 14, 7, 3),
    "G": (2, 6, 6, 5, 5),
    "H": (1, 3, 1, 2, 3),
    "I": (0, 1, 4, 20, 30),
    "J": (25, 20, 6, 10, 16),
    "K": (4, 14, 15, 13, 9),
    "L": (1, 3, 3, 3, 3),
    "M": (0, 3, 6, 11, 8),
    "N": (5, 5, 6, 7, 9),
    "O": (0, 0, 30, 0, 0),
    "P": (40, 0, 0, 0, 0),
    "R": (6, 12, 9, 9, 8),
    "S": (3, 20, 12, 8, 13),
}
DEPARTMENTS = {
    "Cardiology": "I",
    "Gastroenterology": "K",
    "Medicine": "ADELR",
    "Neurology": "GH",
    "Obstetrics": "O",
    "Oncology": "C",
    "Orthopaedics": "MS",
    "Paediatrics": "P",
    "Psychiatry": "F",
    "Pulmonology": "J",
    "Urology": "N",
}
#: What treats the diagnoses of a chapter, the commonest first, with weights 1 / k as above.
DRUGS = {
    "A": "J01CR02 J01DD04 J01XX08",
    "C": "L01XA01 A04AA01 H02AB02 L01CD01 L02BG03",
    "D": "B03AA07 B03BA03 B03BB01",
    "E": "A10BA02 A10AB05 H03AA01 A10BK01 A12BA01",
    "F": "N05BA01 N06AB06 N05AH04 N05AH03 N05AN01",
    "G": "N03AX14 N04BA02 N03AG01 N02CC01",
    "H": "S01ED01 N07CA01 S01EE01",
    "I": "B01AF02 C07AB02 C03CA01 C10AA05 C09AA05 B01AC06 C01BD01 B01AA03",
    "J": "J01CE01 R03AC02 R03BB04 J01AA02 H02AB06 R03AK07",
    "K": "A02BC05 N02BE01 A03FA01 A07EC02 A06AD11",
    "L": "J01CF05 D07AC01 D05AX52",
    "M": "M01AE01 N02BE01 M04AA01 L04AX03 N02AA05",
    "N": "J01XE01 G04CA02 J01CA08 M01AB05",
    "O": "H01BB02 N02BE01 G02AD06 B03AA07",
    "P": "J01GB03 N06BC01 R07AA02",
    "R": "N02BE01 M01AE01 B01AC06",
    "S": "N02BE01 N02AA05 B01AB04 M01AE01",
}
NOTES = (
    "Admitted by ambulance.",
    "Referred by GP; see letter.",
    "Relatives informed by phone.",
    "Interpreter needed.",
    "Lives alone, home care daily.",
    "Allergic to penicillin (rash).",
    "Transferred from another ward; results pending.",
)
GIVEN_NAMES = {
    "F": "Anna Astrid Berit Camilla Clara Dagny Elin Elsa Eva Frida Greta Hanna Hedda Helena Ida Inés Ingrid Jana "
    "Julia Karin Léa Lena Linnéa Maja Maria Marta Nora Olga Petra Rósa Sára Signe Sofia Solveig Tuva Vera Wilma Åse "
    "Zuzana",
    "M": "Anders Anton Arne Bjørn Carl David Einar Emil Erik Filip Finn Georg Gustav Hans Henrik Ivan Jakob Jan Johan "
    "Jürgen Karl Lars Leo Lukas Magnus Martin Matteo Nils Olav Oskar Paul Per Rafael Sven Thomas Tor Viktor Øyvind Žan",
}
FAMILY_NAMES = (
    "Aas Andersson Bakke Berg Bianchi Blom Brandt Dahl Dubois Eklund Engel Fischer Fjeld Garcia Grønn Haugen Hermansen "
    "Hoffmann Holm Horváth Jensen Johansen Kaplan Keller Koch Kováč Krog Larsen Laurent Lind Lund Martin Meyer Moen "
    "Mäkinen Nagy Nilsen Novak Nyberg Olsen Petit Popescu Richter Rossi Sand Schäfer Schmidt Silva Solberg Strand "
    "Sørensen Toth Vogel Wagner Weber Wik Winter Zieliński Öberg Østby"
)
_TOWN_STARTS, _TOWN_ENDS = ("Nord", "Sør", "Elv", "Gran", "Furu", "Stor", "Ask"), ("vik", "dal", "nes", "heim", "fors")
#: Municipalities that do not exist: code to name, the largest first.
MUNICIPALITIES = {
    f"{101 + 7 * place + place // 5 * 60:04d}": f"{start}{end}"
    for place, (end, start) in enumerate((end, start) for end in _TOWN_ENDS for start in _TOWN_STARTS)
}


class Dice:
    """Draws from the few distributions that are needed, each from uniform draws of one seeded generator."""

    def __init__(self, seed: int) -> None:
        self._uniform = np.random.Generator(np.random.PCG64(seed)).random

    def share(self) -> float:
        """Draw uniformly from the open interval (0, 1)."""
        return max(float(self._uniform()), 2.0**-54)

    def happens(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return self.share() < probability

    def below(self, n: int) -> int:
        """Draw a whole number from 0 to n - 1."""
        return int(self.share() * n)

    def pick(self, options: Sequence[T], weights: Iterable[float] | None = None) -> T:
        """Draw one option; without weights each is as likely as the other."""
        if weights is None:
            return options[self.below(len(options))]
        edges = list(accumulate(weights))
        return options[min(bisect(edges, self.share() * edges[-1]), len(options) - 1)]

    def pick_ranked(self, options: Sequence[T]) -> T:
        """Draw one option, the k-th with a weight of 1 / k."""
        return self.pick(options, (1 / rank for rank in range(1, len(options) + 1)))

    def normal(self, mean: float, spread: float) -> float:
        """Draw from the normal distribution, by inversion."""
        return mean + spread * NormalDist().inv_cdf(self.share())


@dataclass(frozen=True)
class Patient:
    """Who somebody is: what stays the same in every encounter."""

    patient_id: str
    name: str
    sex: str
    birth_date: date
    municipality_code: str
    diabetes: str
    smoker: str


@dataclass(frozen=True)
class Encounter:
    """One stay, with its measurements as numbers; None where nothing was measured."""

    encounter_id: str
    patient: Patient
    admitted_at: datetime
    age: int
    los_days: int
    department: str
    diagnosis: str
    secondary: tuple[str, ...]
    atc_code: str
    hba1c: float | None
    creatinine: int | None
    crp: int | None
    systolic_bp: int | None
    severity: str
    icu: bool
    readmitted: bool
    note: str


def whole_years(born: date, day: date) -> int:
    """Age in completed years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def age_band(age: int) -> str:
    """The key of DIABETES_SHARE that an age belongs to."""
    return "under 40" if age < 40 else "40 to 64" if age < 65 else "65 and over"


def severity_step(severity: str) -> int:
    """Count the steps from the mildest severity: 0, 1 or 2."""
    return SEVERITIES.index(severity)


def readmission_probability(severity: str, age: int, diabetes: str) -> float:
    """Probability of `readmitted_30d` by the logistic model READMISSION."""
    odds = READMISSION["constant"] + READMISSION["severity"] * severity_step(severity)
    odds += READMISSION["age"] * (age - 60) + READMISSION["diabetes"] * (diabetes == "yes")
    return 1 / (1 + math.exp(-odds))


def make_patient(dice: Dice, patient_id: str) -> Patient:
    """Draw a patient; some are born while the extract runs."""
    sex = "F" if dice.happens(0.52) else "M"
    youngest, oldest = dice.pick(AGES, AGE_WEIGHTS)
    age = youngest + (oldest - youngest) * dice.share()
    born = FIRST_DAY - timedelta(days=math.floor(365.25 * age))
    smoker = "" if dice.happens(SMOKER_EMPTY) else None
    if smoker is None:
        known = dice.pick(("never", "former", "current"), (0.5, 0.3, 0.2))
        smoker = "unknown" if dice.happens(SMOKER_UNKNOWN / (1 - SMOKER_EMPTY)) else known
    return Patient(
        patient_id=patient_id,
        name=f"{dice.pick(GIVEN_NAMES[sex].split())} {dice.pick_ranked(FAMILY_NAMES.split())}",
        sex=sex,
        birth_date=born,
        municipality_code=dice.pick_ranked(list(MUNICIPALITIES)),
        diabetes="yes" if dice.happens(DIABETES_SHARE[age_band(whole_years(born, FIRST_DAY))]) else "no",
        smoker=smoker,
    )


def admission_days(dice: Dice, patient: Patient) -> list[datetime]:
    """Draw when a patient comes: one to eight times, in order, on days that differ."""
    times = 1
    if dice.happens(SEVERAL_ENCOUNTERS[patient.diabetes]):
        times = dice.pick((2, 3, 4, 5, 6, 7, 8), (60, 22, 9, 4, 3, 1, 1))
    days: set[date] = set()
    start = max(FIRST_DAY, patient.birth_date)
    while len(days) < times:
        day = start + timedelta(days=dice.below((LAST_DAY - start).days + 1))
        if dice.happens(WEEKDAY_WEIGHTS[day.weekday()]):
            days.add(day)
    return [datetime(d.year, d.month, d.day, *time_of_day(dice)) for d in sorted(days)]


def time_of_day(dice: Dice) -> tuple[int, int]:
    """Draw hour and minute: mornings are planned, the rest spreads over the day; minutes are heaped at quarters."""
    hour = dice.pick((7, 8, 9)) if dice.happens(0.45) else dice.below(24)
    return hour, dice.pick((0, 15, 30, 45)) if dice.happens(0.6) else dice.below(60)


def is_possible(code: str, patient: Patient) -> bool:
    """Whether a diagnosis can be this patient's."""
    if code.startswith(("E10", "E11")) and patient.diabetes == "no":
        return False
    return not code.startswith(MEN_ONLY if patient.sex == "F" else WOMEN_ONLY)


def pick_diagnosis(dice: Dice, patient: Patient, age: int) -> str:
    """Draw the principal diagnosis: a chapter by age, then a code in its long tail that is possible."""
    band = bisect((1, 18, 45, 70), age)
    weights = {chapter: float(by_age[band]) for chapter, by_age in CHAPTERS.items()}
    weights["O"] *= patient.sex == "F"
    weights["E"] *= 4 if patient.diabetes == "yes" else 1
    chapter = dice.pick(list(weights), weights.values())
    while not is_possible(code := dice.pick_ranked(DIAGNOSES[chapter].split()), patient):
        pass
    return code


def pick_secondary(dice: Dice, patient: Patient, age: int, diagnosis: str) -> tuple[str, ...]:
    """Draw the other diagnoses of a stay: what age and diabetes bring along, none twice."""
    old = min(max(age - 30, 0) / 50, 1)
    diabetic = patient.diabetes == "yes"
    shares = {
        "E11.9": 0.70 * diabetic,
        "I10": 0.50 * old,
        "N18.3": 0.15 * old + 0.15 * diabetic,
        "I48.9": 0.25 * old,
        "J44.9": 0.10 * old + 0.15 * (patient.smoker == "current"),
        "E66.9": 0.05 + 0.15 * diabetic,
        "F17.2": 0.40 * (patient.smoker == "current"),
        "Z92.1": 0.10 * old,
    }
    return tuple(code for code, share in shares.items() if dice.happens(share) and code != diagnosis)


def rounded(value: float, step: int) -> int:
    """The multiple of `step` that is nearest."""
    return math.floor(value / step + 0.5) * step


def make_encounter(dice: Dice, patient: Patient, admitted_at: datetime) -> Encounter:
    """Draw one stay, causes before effects."""
    age = whole_years(patient.birth_date, admitted_at.date())
    diagnosis = pick_diagnosis(dice, patient, age)
    chapter = diagnosis[0]
    secondary = pick_secondary(dice, patient, age, diagnosis)
    latent = dice.normal(0.02 * (age - 50) + 0.35 * len(secondary) + 0.5 * (chapter in "ACI"), 1.0)
    severity = SEVERITIES[bisect((0.7, 2.0), latent)]
    own = next(name for name, chapters in DEPARTMENTS.items() if chapter in chapters)
    return Encounter(
        encounter_id="",
        patient=patient,
        admitted_at=admitted_at,
        age=age,
        los_days=int(-math.log(dice.share()) * (LOS_MEAN[severity] + 0.5)),
        department=own if dice.happens(OWN_DEPARTMENT) else "Emergency",
        diagnosis=diagnosis,
        secondary=secondary,
        atc_code="" if dice.happens(ATC_MISSING) else dice.pick_ranked(DRUGS[chapter].split()),
        hba1c=measure_hba1c(dice, patient.diabetes),
        creatinine=measure_creatinine(dice, patient.sex, age),
        crp=measure_crp(dice, chapter),
        systolic_bp=measure_systolic_bp(dice, age),
        severity=severity,
        icu=dice.happens(ICU_SHARE[severity]),
        readmitted=dice.happens(readmission_probability(severity, age, patient.diabetes)),
        note=dice.pick(NOTES) if dice.happens(0.3) else "",
    )


def measure_hba1c(dice: Dice, diabetes: str) -> float | None:
    """Glycated haemoglobin in %, one decimal; measured mostly in diabetics."""
    if not dice.happens(HBA1C_MEASURED[diabetes]):
        return None
    return max(rounded(10 * dice.normal(HBA1C_MEAN[diabetes], HBA1C_SPREAD[diabetes]), 1), 40) / 10


def measure_creatinine(dice: Dice, sex: str, age: int) -> int | None:
    """Creatinine in µmol/L, a third of it rounded to tens."""
    if not dice.happens(CREATININE_MEASURED):
        return None
    mean = CREATININE_AT_50[sex] + CREATININE_PER_YEAR * (age - 50)
    return rounded(max(dice.normal(mean, CREATININE_SPREAD), 15), 10 if dice.happens(CREATININE_HEAPED) else 1)


def measure_crp(dice: Dice, chapter: str) -> int | None:
    """C-reactive protein in mg/L; 0 stands for less than CRP_LOWEST."""
    if not dice.happens(CRP_MEASURED):
        return None
    median = CRP_MEDIAN * (CRP_INFECTION if chapter in INFECTIONS else 1)
    value = rounded(median * math.exp(dice.normal(0, 0.9)), 1)
    return value if value >= CRP_LOWEST else 0


def measure_systolic_bp(dice: Dice, age: int) -> int | None:
    """Systolic blood pressure in mmHg, mostly rounded to tens, otherwise even."""
    if not dice.happens(BP_MEASURED):
        return None
    value = dice.normal(BP_AT_50 + BP_PER_YEAR * (age - 50), 15)
    return rounded(max(value, 60), 10 if dice.happens(BP_HEAPED) else 2)


def make_encounters(dice: Dice) -> list[Encounter]:
    """Draw all patients and their stays, in the order of admission and numbered in that order, with gaps."""
    numbers: dict[int, None] = {}
    while len(numbers) < PATIENTS:
        numbers[1_000 + dice.below(90_000)] = None
    patients = [make_patient(dice, f"P-{number:07d}") for number in numbers]
    stays = [make_encounter(dice, patient, at) for patient in patients for at in admission_days(dice, patient)]
    stays.sort(key=lambda stay: (stay.admitted_at, stay.patient.patient_id))
    numbered, number = [], 1_000
    for stay in stays:
        number += 1 + dice.below(9)
        numbered.append(replace(stay, encounter_id=f"{number:07d}"))
    return numbered


def day_text(day: date) -> str:
    """Write a date as the extract does."""
    return f"{day:%d.%m.%Y}"


def time_text(at: datetime) -> str:
    """Write a date and time as the extract does, to the minute."""
    return f"{at:%d.%m.%Y %H:%M}"


def crp_text(crp: int | None) -> str:
    """C-reactive protein as a laboratory writes it: censored below CRP_LOWEST."""
    return "" if crp is None else str(crp) if crp else f"<{CRP_LOWEST}"


def decimal_text(value: float | None) -> str:
    """Write one decimal after a comma; empty where nothing was measured."""
    return "" if value is None else f"{value:.1f}".replace(".", ",")


def flat_row(stay: Encounter) -> dict[str, str]:
    """Tell one row of encounters.csv, in the order of its columns."""
    who = stay.patient
    return {
        "encounter_id": stay.encounter_id,
        "patient_id": who.patient_id,
        "name": who.name,
        "sex": who.sex,
        "birth_date": day_text(who.birth_date),
        "age": str(stay.age),
        "municipality_code": who.municipality_code,
        "municipality": MUNICIPALITIES[who.municipality_code],
        "admitted_at": time_text(stay.admitted_at),
        "los_days": str(stay.los_days),
        "department": stay.department,
        "diagnosis": stay.diagnosis,
        "secondary_diagnoses": ", ".join(stay.secondary),
        "atc_code": stay.atc_code,
        "diabetes": who.diabetes,
        "hba1c": decimal_text(stay.hba1c),
        "creatinine": "" if stay.creatinine is None else str(stay.creatinine),
        "crp": crp_text(stay.crp),
        "systolic_bp": "" if stay.systolic_bp is None else str(stay.systolic_bp),
        "smoker": who.smoker,
        "severity": stay.severity,
        "icu": "1" if stay.icu else "0",
        "readmitted_30d": "yes" if stay.readmitted else "no",
        "note": stay.note,
    }


def patient_row(who: Patient) -> dict[str, str]:
    """Tell one row of related/patients.csv."""
    return {
        "patient_id": who.patient_id,
        "name": who.name,
        "sex": who.sex,
        "birth_date": day_text(who.birth_date),
        "municipality_code": who.municipality_code,
        "diabetes": who.diabetes,
        "smoker": who.smoker,
    }


def encounter_row(stay: Encounter) -> dict[str, str]:
    """Tell one row of related/encounters.csv."""
    discharged_at = stay.admitted_at + timedelta(days=stay.los_days, hours=2)
    return {
        "encounter_id": stay.encounter_id,
        "patient_id": stay.patient.patient_id,
        "admitted_at": time_text(stay.admitted_at),
        "discharged_at": time_text(discharged_at),
        "department": stay.department,
        "severity": stay.severity,
        "icu": "1" if stay.icu else "0",
        "readmitted_30d": "yes" if stay.readmitted else "no",
    }


def diagnosis_rows(stay: Encounter) -> Iterator[dict[str, str]]:
    """Tell the rows of related/diagnoses.csv that belong to one stay."""
    for position, code in enumerate((stay.diagnosis, *stay.secondary), start=1):
        yield {"encounter_id": stay.encounter_id, "position": str(position), "code": code}


def lab_rows(dice: Dice, stay: Encounter) -> Iterator[dict[str, str]]:
    """Tell the rows of related/labs.csv that belong to one stay; what was not measured has no row."""
    hba1c, hba1c_unit = decimal_text(stay.hba1c), "%"
    if stay.hba1c is not None and dice.happens(HBA1C_MMOL):
        hba1c, hba1c_unit = str(rounded(10.93 * stay.hba1c - 23.5, 1)), "mmol/mol"
    results = (
        ("HBA1C", hba1c, hba1c_unit),
        ("CREA", "" if stay.creatinine is None else str(stay.creatinine), "µmol/L"),
        ("CRP", crp_text(stay.crp), "mg/L"),
    )
    for code, value, unit in results:
        if value:
            taken_at = stay.admitted_at + timedelta(minutes=30 + dice.below(90))
            taken = time_text(taken_at)
            yield {"encounter_id": stay.encounter_id, "taken_at": taken, "code": code, "value": value, "unit": unit}


def write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write rows as a semicolon-separated UTF-8 file; the first row names the columns."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make(folder: Path) -> None:
    """Write encounters.csv and related/*.csv into a folder that exists."""
    dice = Dice(SEED)
    stays = make_encounters(dice)
    write(folder / "encounters.csv", map(flat_row, stays))

    everybody = sorted({stay.patient.patient_id: stay.patient for stay in stays}.items())
    few = dict(everybody[:RELATED_PATIENTS])
    theirs = [stay for stay in stays if stay.patient.patient_id in few]
    related = folder / "related"
    related.mkdir(exist_ok=True)
    write(related / "patients.csv", map(patient_row, few.values()))
    write(related / "encounters.csv", map(encounter_row, theirs))
    write(related / "diagnoses.csv", (row for stay in theirs for row in diagnosis_rows(stay)))
    write(related / "labs.csv", (row for stay in theirs for row in lab_rows(dice, stay)))


if __name__ == "__main__":
    make(Path(__file__).parent)
