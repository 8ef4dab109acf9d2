"""What figures and verdicts are called in the report, and how to read them, for a person without statistics at hand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: The figures that stand at the top, in this order.
HEADLINES = (
    *("accuracy_1", "accuracy_2", "accuracy_3", "c2st", "association", "association_strong", "lost_links"),
    *("missingness", "tstr"),
)
#: Those of several tables and of time, in the order of their section.
RELATIONAL = (
    *("key_integrity", "children_per_parent", "gaps", "transitions", "parent_child_association", "time_order"),
    "date_window",
)
#: Of each table, those that stand beside each other.
OF_TABLES = ("accuracy_1", "accuracy_2", "c2st", "association", "missingness")

#: Name and meaning of the figures with fixed names; any other is called by its own name.
FIGURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "accuracy_1": ("Single columns", "Agreement of single columns, 1 being the same distribution."),
        "accuracy_2": ("Pairs of columns", "Agreement of pairs of columns taken together."),
        "accuracy_3": ("Triples of columns", "Agreement of three columns taken together."),
        "c2st": (
            "Telling synthetic from holdout",
            "AUC of a classifier that tries to tell them apart; 0.5 is indistinguishable.",
        ),
        "c2st_train": (
            "Telling synthetic from training",
            "AUC of the same classifier against the training records; below 0.5 hints at copying.",
        ),
        "marginals": ("Distributions of single columns", "Distance between the distributions of single columns."),
        "missingness_informative": (
            "Informative missing values",
            "How well other columns tell whether a value is missing, compared with the real data.",
        ),
        "distances": ("Distance to the closest training record", "Synthetic records beside holdout records."),
        "distance_ratios": (
            "Closest against second closest training record",
            "Close to 0 where a synthetic record singles one training record out.",
        ),
        "association": ("Associations", "How far the associations of pairs of columns are from the real ones."),
        "association_strong": (
            "Strong associations",
            "The same of those pairs alone that hang together strongly in reality: most pairs hardly do.",
        ),
        "lost_links": (
            "Lost links",
            "How much is lost of what ties two values together in reality: a diagnosis to a ward, a drug to a sex.",
        ),
        "missingness": ("Missing values", "How far the pattern of missing values is from the real one."),
        "constraints": ("Rules of the config", "Share of the records that break a rule; real ones do too."),
        "structural_zeros": (
            "Never together",
            "Share of the records with two values that no training record has together, though chance would.",
        ),
        "rare_categories": (
            "Rare values kept",
            "Share of the values of few patients that are there; those of fewer than the config protects are apart.",
        ),
        "key_integrity": ("Keys and links", "Share of keys that are unique and of links that lead to a row."),
        "children_per_parent": (
            "Children per parent",
            "How far the numbers of rows per patient, or per row above, are from the real ones.",
        ),
        "gaps": ("Gaps", "How far the times between successive rows of a patient are from the real ones."),
        "transitions": ("Transitions", "How far the pairs of successive codes of a patient are from the real ones."),
        "parent_child_association": (
            "Associations between tables",
            "How far associations with the columns of the patient, or of the row above, are from the real ones.",
        ),
        "time_order": (
            "Too early",
            "Share of rows before the birth of the patient, before the row above, or that end before they begin.",
        ),
        "date_window": (
            "Outside the window of dates",
            "Share of dates before the first real one of their column, or after the last.",
        ),
        "tstr": ("Use for prediction", "A model trained on synthetic records, tested on held-out real ones."),
        "inference": (
            "Conclusions of a regression",
            "Overlap of the confidence intervals of regression coefficients, 1 being the same.",
        ),
        "inference_difference": (
            "Regression coefficients",
            "Mean difference of regression coefficients, in standard errors of the real ones.",
        ),
        "survival": (
            "Survival curves",
            "Area between real and synthetic survival curves, as a share of the time.",
        ),
        "survival_hazards": ("Hazard ratios", "Mean difference of log hazard ratios."),
        "survival_concordance": (
            "Use for prognosis",
            "Concordance, on held-out real records, of a Cox model of synthetic records.",
        ),
        "representation": (
            "Sizes of groups",
            "How much larger or smaller a group is, at worst, as a log ratio of odds; 0 is the same size.",
        ),
        "group_accuracy": (
            "Likeness within groups",
            "Agreement of pairs of columns in the group that is furthest below its ceiling, other real patients of it.",
        ),
        "group_utility": (
            "Use for prediction within groups",
            "The model trained on synthetic records in the group where it falls furthest behind the real one.",
        ),
        "group_survival": (
            "Survival within groups",
            "Area between real and synthetic survival curves in the group that is furthest off, an arm of a trial say.",
        ),
        "nearest_neighbour_share": (
            "Nearest neighbour is a training record",
            "Share of synthetic records whose nearest real record was trained on; compare with its ceiling.",
        ),
        "exact_copies": ("Exact copies", "Synthetic records that equal a training record."),
        "rare_values_leaked": ("Rare values leaked", "Values of very few patients that appear in synthetic records."),
        "near_copies": (
            "Near copies",
            "Training patients of whom a synthetic record is next to a copy; the ceiling is holdout patients.",
        ),
        "membership_inference": (
            "Telling who was in the training set",
            "How much an attacker gains: AUC of an attack chosen on a third of the patients, measured on others; 0.5 "
            "is a guess. Whether more shows than chance explains is for the verdict, which counts every attack.",
        ),
        "membership_by_model": (
            "Telling who was in the training set, by the model",
            "The same for an attacker who has the model, not the records alone: AUC of its likelihood beside other "
            "patients; 0.5 is a guess. It bears on whether the model may leave the house.",
        ),
        "membership_by_group": (
            "Telling who was in the training set, group by group",
            "AUC of the membership attack in the group that stands out most on a third of the patients, measured on "
            "the others; 0.5 is a guess. The verdict names the group that stands out most among all patients.",
        ),
        "membership_disclosure": (
            "Membership disclosure",
            "F1 of guessing members by closeness, relative to calling everyone one; 0 is no gain, 1 is certainty.",
        ),
        "singling_out": (
            "Singling out",
            "How much better descriptions of synthetic patients fit exactly one training patient than chance explains.",
        ),
        "linkability": (
            "Linkability",
            "How much better two halves of a training record are put together than those of an outsider's.",
        ),
        "attribute_inference": (
            "Attribute inference",
            "How much better unknown values of training patients are guessed than those of outsiders.",
        ),
        "vulnerable_records": (
            "Most isolated patients",
            "AUC of the membership attack on the one per cent of patients least like others.",
        ),
    }
)

_BY_RATES = ("membership_inference", "membership_by_model")
#: What the threshold of a verdict line is a limit of.
LIMITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_BY_RATES, "true positives up to {limit:g} times the false ones"),
        "membership_disclosure": "relative F1 up to {limit:g}",
        "group_accuracy": "no group more than {limit:g} below its ceiling",
        "key_integrity": "all of them sound",
        "rare_values_leaked": "rare: fewer than {limit:g} patients",
        **dict.fromkeys(("singling_out", "linkability", "attribute_inference"), "risk beyond chance up to {limit:g}"),
    }
)

#: What a leak of some patients is, in a line by its name; copies in all others.
LEAKS: Mapping[str, str] = MappingProxyType({"membership_by_model": "knowing by heart"})

#: The figures that rest on attacks.
ATTACKS = (
    *("membership_inference", "membership_by_model", "membership_by_group", "membership_disclosure", "singling_out"),
    *("linkability", "attribute_inference", "near_copies", "vulnerable_records"),
)

#: Symbol, words and tone of each answer of the self-test.
ANSWERS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "as_expected": ("✓", "As expected", "calm"),
        "not_as_expected": ("✖", "Not as expected", "bad"),
        "not_assessable": ("?", "Could not be tried", "open"),
    }
)

#: Symbol, words and tone of each verdict. The words carry the meaning; symbol and tone repeat it.
VERDICTS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "leak": ("✖", "Leak found", "bad"),
        "fail": ("✖", "Over the limit", "bad"),
        "not_assessable": ("?", "Could not be assessed", "open"),
        "none_detected": ("○", "No leak detected", "calm"),
        "pass": ("✓", "Within the limit", "calm"),
    }
)

STATUS: Mapping[str, str] = MappingProxyType(
    {"ok": "", "not_applicable": "does not apply", "not_assessable": "could not be assessed"}
)

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "fidelity": "Fidelity: does it look like the real data?",
        "utility": "Utility: does it serve the same purpose?",
        "privacy": "Disclosure: what do attacks reach?",
        "fairness": "Groups: is everyone served alike?",
    }
)

HOW_TO_READ: Mapping[str, str] = MappingProxyType(
    {
        "verdicts": "Each line is one test for a particular kind of leak. “No leak detected” always comes with the "
        "smallest leak that the test would have noticed: a smaller one could be there. A line that could not be "
        "assessed is an open question and counts for neither side. p is the chance of a result this extreme if "
        "nothing had leaked, where every attack and every line is counted as one more try; it is the only p to judge "
        "by, and a leak is spoken of below 0.05. In the tables further down a p is that of one test by itself.",
        "headline": "Left end, the floor: what columns scored that were shuffled independently of each other. Right "
        "end, the ceiling: what real records scored that the generator never saw, in the place of the synthetic ones. "
        "The dot is the synthetic set and the pale bar its 95 % interval. All three are measured at the same number of "
        "records. A pointer at an end means that the value lies beyond it. Shuffling leaves single columns as they "
        "are, so there the floor is as good as the ceiling: where the two cannot be told apart there is no bar, and "
        "the ceiling is what to compare with.",
        "offenders": "The columns, pairs and values on which the synthetic set is farthest from the real one, beyond "
        "what chance explains. Look here first if a column matters for what you have in mind. A lost link is a pair of "
        "values that go together in reality: the share of the patients with the one who have the other. Of the "
        "classifier, “auc alone” is how well a column by itself gives the synthetic records away, and “drop when "
        "shuffled” how much worse it tells them without that column.",
        "distributions": "Filled: training records. Dashed line or tick: holdout, which shows how much two real sets "
        "differ by chance. Strong line or dot: synthetic. Shares are of the values that are there; the share of "
        "missing, drawn apart, is of all. For numbers every bar is one bin, and bins need not be equally wide. Columns "
        "are ordered from the worst match to the best.",
        "association": "Each cell is the association of two columns; solid means strong and empty means none. In the "
        "difference, orange means more than in the training data (invented) and blue less (lost). All sets are cut to "
        "as many records as the smallest has. Of few records a weak association is often 0, since what chance makes of "
        "it is taken off; which differences are more than chance stands under “Worst offenders”.",
        "time": "Whether rows belong to the patients and the stays that they should, whether what follows what, and "
        "after how long, is as it really is. Each line is a table, between what rows scored that were dealt to "
        "patients and times at random (floor, left) and what other real patients scored (ceiling, right). Rows of real "
        "patients can be too early as well; compare with them.",
        "table": "The rows of one table, as though it were the only one; patients who have several rows are counted "
        "as one when chance is reckoned with.",
        "by_table": "The same figures for the rows of each table, each beside its ceiling: what real records scored "
        "that the generator never saw.",
        "use": "Whether somebody who works with the synthetic records comes to the conclusions that the real ones "
        "give. Survival curves should lie as close to the training line as the holdout line does. In a regression, "
        "intervals that overlap tell the same story; the synthetic one is wider because it carries the uncertainty of "
        "having been generated. A synthetic interval on the other side of zero turns a finding round.",
        "neighbours": "How far synthetic records are from the nearest training record, beside how far holdout records "
        "are. A synthetic curve clearly to the left of the holdout’s means that records lie closer to training records "
        "than chance explains. This picture can show a leak; it cannot show that there is none.",
        "attacks": "Each line is an attack that somebody could try with the synthetic set in hand: to find out whether "
        "a person was learned from (membership), to describe exactly one person (singling out), to join two parts of a "
        "person's data (linkability), or to guess a value that they do not know (attribute inference). The same is "
        "tried on holdout patients, of whom the set can know nothing; only what goes beyond that counts. The chart "
        "reads from the left: how many training patients an attacker finds who accepts hardly any false alarm. A line "
        "well above the dotted one there means that at least some people are exposed, whatever the average says.",
        "groups": "The same figures within each group of patients. A set can be good on average and wrong, or leaky, "
        "for a minority. Each dot is a group and the pale bar its 95 % interval; short bars and diamonds are floor and "
        "ceiling where they are known. A wide bar means few patients: nothing can be said of them.",
        "self_test": "Before this report judged the synthetic set, it was made to judge generators whose faults are "
        "known, built from your own real records: a perfect one (real patients kept apart), a full copy, a copy of one "
        "per cent, and columns shuffled independently. What it said stands beside what it had to say. Could not be "
        "tried means that there are too few patients to plant such a fault visibly.",
        "everything": "Every figure with its 95 % interval, floor, ceiling and sample sizes. Open a line for the "
        "tables behind it.",
    }
)

CANNOT: tuple[tuple[str, str], ...] = (
    (
        "It can show a leak.",
        "Where a line says that a leak was found, records or values of training patients show in the synthetic set "
        "more than chance explains. That is evidence, at the stated error rate over all lines together.",
    ),
    (
        "It cannot show that there is none.",
        "“No leak detected” means that these attacks, at these sample sizes, found nothing as large as the stated "
        "smallest leak. A better attack, more knowledge about a person, or a smaller leak may still succeed.",
    ),
    (
        "It is about this one synthetic set.",
        "Another set from the same model, a larger one, or several released together need an evaluation of their own.",
    ),
    (
        "Likeness is measured, fitness is not decided.",
        "A synthetic set can match every figure here and still be wrong for a particular question, above all for small "
        "groups. Confirm findings that matter on real data.",
    ),
    (
        "There is no overall score.",
        "Fidelity and disclosure pull against each other; a blend of the two would hide exactly what has to be "
        "decided.",
    ),
)

WHAT_THIS_IS = (
    "This report compares a synthetic data set with the real records that it was learned from (training) and with real "
    "records that were kept away from the generator (holdout). It says what the synthetic set gets right, where it is "
    "wrong, and whether anything about the patients behind it could be seen to leak."
)

WHAT_A_CONTEST_IS = (
    "Each model learned from the same patients, generated as many records as it learned from, and was judged against "
    "the same held-out patients by the same measures. No model is the best at everything: look at the lines that "
    "matter to you, and at what each model costs."
)

CONTEST_BANNER = (
    "Internal: contains personal data. Do not share. To publish a comparison, take the figures from the shareable "
    "report of each model."
)

HOW_TO_READ_A_CONTEST = (
    "The dot under a figure lies between its floor (left end: columns shuffled independently of each other) and its "
    "ceiling (right end: real held-out records in the place of the synthetic ones). Where shuffling does no harm, "
    "there is no dot. Bold is the best of a line; differences smaller than the grey 95 % intervals may be chance. "
    "Floor and ceiling are measured anew beside each model, and their mean is shown. Of the figures against training "
    "records and of nearest neighbours none is called the best: too good a value hints at copying. A disclosure line "
    "can show a leak; it cannot show that there is none. Seconds and memory are those of this machine, each model in "
    "a process of its own."
)

BANNER: Mapping[str, str] = MappingProxyType(
    {
        "internal": "Internal: contains personal data. Do not share. The file report-shareable.html is made for "
        "sharing.",
        "shareable": "Shareable form: nothing here stands for fewer than 11 patients. Counts are rounded to 20, shares "
        "to a grain of at least 11 patients, every patient weighs the same in a distribution, bins are moved to round "
        "numbers or dates with open ends, small categories are merged, and figures or texts that could give a small "
        "count away are left out.",
    }
)


def limit(name: str, threshold: float) -> str:
    """The threshold of a verdict line in words."""
    return LIMITS.get(name, "limit {limit:g}").format(limit=threshold)


def title(name: str) -> str:
    """The name of a figure as people read it."""
    known = FIGURES.get(name)
    return known[0] if known else name.replace("_", " ").strip().capitalize()


def meaning(name: str) -> str:
    """One sentence on a figure; empty where there is none."""
    known = FIGURES.get(name)
    return known[1] if known else ""
