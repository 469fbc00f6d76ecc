"""What must hold, in words: ``time to fit, random labels against true: below 10`` and not the code's names.

A check's statement is written by its relation from the names of measures (``harness.evidence.relations``).
Each measure is put into words here, once; a name that is not listed is read word by word. A statement that
no relation wrote stays as it is.
"""

from __future__ import annotations

import re

from harness.evidence.outcome import Evidence
from harness.report import wording

MEASURES = {
    "train_error": "training error",
    "test_error": "test error",
    "noisy_test_error": "test error under noise",
    "tuned_error": "test error, best penalty",
    "clean_error": "error on right labels",
    "corrupted_error": "error on wrong labels",
    "left_out_error": "left-out error",
    "squared_error": "squared error",
    "squared_bias": "squared bias",
    "data_variance": "variance from data",
    "train_loss": "training loss",
    "largest_curve_train_loss": "largest training loss on the curve",
    "test_loss": "test loss",
    "clean_loss": "loss on right labels",
    "train_mse": "squared training error",
    "test_mse": "squared test error",
    "d_int90": "dimension that reaches 90 %",
    "lambda_0": "smallest eigenvalue",
    "loss_range": "range of the loss along the step",
    "r_ig": "implicit penalty",
    "gradient_change": "change of the gradient",
    "gradient_distance": "distance of the gradient",
    "relative_change": "relative change",
    "smoothness_max": "worst smoothness",
    "smoothness_median": "median smoothness",
    "input_shift": "shift of layer inputs",
    "histogram_shift": "shift of the inputs' histogram",
    "largest_rate": "largest rate that trains",
    "best_loss": "least loss",
    "best_risk": "least risk",
    "log_risk": "risk",
    "as_large": "share of draws that rise as much",
    "straight_excess": "rise on the straight path",
    "two_part": "two-part code",
    "angle_before": "angle before the step",
    "put_back": "layers put back",
}
"""What a measure is called by the code -> what it is, in words."""
BARE = frozenset({"run", "runs", "net", "nets", "fit", "of"})
"""Names of experiments that say nothing where there is no other."""
HALF = "in more than 1/2 of all runs"


def must_hold(check: Evidence) -> str:
    """What a check asks of its measure, bound and all."""
    writes = _WRITERS.get(check.relation)
    return (writes and writes(check)) or check.statement


def contrast(statement: str) -> str:
    """What a difference between claim and control is a difference of."""
    prefix = "claim - control of "
    if not statement.startswith(prefix):
        return statement
    name = statement.removeprefix(prefix)
    name = re.sub("^log-log slope of ", "power of ", name).removeprefix("log ")
    return f"claim − control of {measure(name)}"


def _above(check: Evidence) -> str:
    return _compared(check, ">", "above", check.lower_bound)


def _below(check: Evidence) -> str:
    return _compared(check, "<", "below", check.upper_bound)


def _compared(check: Evidence, sign: str, word: str, bound: float | None) -> str:
    name, found_sign, _ = check.statement.rpartition(f" {sign} ")
    return f"{measure(name)}: {word} {wording.number(bound)}" if found_sign and bound is not None else ""


def _equivalent(check: Evidence) -> str:
    if match := re.fullmatch(r"(.+) within a factor (\S+) of 1", check.statement):
        return f"{measure(match[1])}: within a factor {match[2]} of 1"
    if match := re.fullmatch(r"\|(.+)\| < \S+", check.statement):
        return f"{measure(match[1])}: within ± {wording.number(check.upper_bound)}"
    return ""


def _matches(check: Evidence) -> str:
    match = re.fullmatch(r"(.+) = (\S+) ± (\S+)", check.statement)
    if not match:
        return ""
    value, tolerance = (wording.number(float(text)) for text in match.groups()[1:])
    return f"{measure(match[1])}: {value} ± {tolerance}"


def _ordered(check: Evidence) -> str:
    match = re.fullmatch(r"(.+?)(?:, each step above (\S+))? \(step (\d+) of (\d+)\)", check.statement)
    if not match:
        return ""
    group, tail = _group(match[1])
    sides = _split(group, " < ")
    if len(sides) != 2:
        return ""
    head, (low, high) = _apart(sides, tail)
    by = f" by more than {wording.number(check.lower_bound)}" if match[2] else ""
    step = f" (step {match[3]} of {match[4]})" if match[4] != "1" else ""
    return f"{head}{': ' if head else ''}{high} above {low}{by}{step}"


def _slope(check: Evidence) -> str:
    match = re.fullmatch(r"\S+ < (log-log )?slope of (.+) < \S+ over (\S+) to (\S+)", check.statement)
    if not match:
        return ""
    what = f"{'power' if match[1] else 'slope'} of {measure(match[2])} over {match[3]} to {match[4]}"
    return f"{what}: {wording.bound(check)}"


def _argmax_in(check: Evidence) -> str:
    match = re.fullmatch(r"(.+) is largest within \[(\S+), (\S+)\] (.+)", check.statement)
    if not match:
        return ""
    low, high = (wording.number(float(text)) for text in match.groups()[1:3])
    return f"{measure(match[1])}: largest {f'at {low}' if low == high else f'between {low} and {high}'}, " + (
        _share(match[4])
    )


def _reached(check: Evidence) -> str:
    match = re.fullmatch(r"(.+) ([<>])= (\S+) (in .+)", check.statement)
    if not match:
        return ""
    side = "at most" if match[2] == "<" else "at least"
    return f"{measure(match[1])}: {side} {wording.number(float(match[3]))}, {_share(match[4])}"


def target(check: Evidence) -> tuple[float | None, float | None]:
    """The bounds of each run's number; None where a side is open, or a rate's target is not said."""
    if check.relation not in wording.RATES:
        return check.lower_bound, check.upper_bound
    match = re.fullmatch(r".+ ([<>])= (\S+) in .+", check.statement)
    if not match:
        return (0.0, None) if check.relation == "argmax_in" else (None, None)
    value = float(match[2])
    return (None, value) if match[1] == "<" else (value, None)


def _share(text: str) -> str:
    """Say in how many runs: what is more than half of them is most."""
    text = "in most runs" if text == HALF else text.replace("some replicate", "some run")
    return re.sub(r" \(rate above 1/2\)$", "", text)


_WRITERS = {
    "above": _above,
    "below": _below,
    "equivalent": _equivalent,
    "matches": _matches,
    "ordered": _ordered,
    "slope": _slope,
    "argmax_in": _argmax_in,
    "most_reach": _reached,
    "all_reach": _reached,
    "exists": _reached,
}


def measure(name: str) -> str:
    """A measure's name in words: what it is, then which experiments, ``a against b`` or ``a − b``."""
    group, tail = _group(name)
    if tail.startswith(("/", "+", "-")):
        return _plain(name)
    for sign, word in ((" / ", "against"), (" - ", "−")):
        sides = _split(group, sign)
        if group and len(sides) == 2:
            head, (one, other) = _apart(sides, tail)
            return f"{head}, {one} {word} {other}" if head else f"{one} {word} {other}"
    head, arm = _armed(name)
    return f"{_plain(head)}, {_plain(arm)}" if arm and arm not in {*BARE, head} else _plain(head)


def _group(text: str) -> tuple[str, str]:
    """``(a - b) tail`` as what the first parentheses hold and what follows; "" where none begin it."""
    if text.startswith("("):
        depth = 0
        for place, sign in enumerate(text):
            depth += (sign == "(") - (sign == ")")
            if not depth:
                return text[1:place], text[place + 1 :].strip()
    return "", text


def _split(text: str, sign: str) -> list[str]:
    """The text at each sign that lies in no parentheses."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth and text.startswith(sign, place):
            parts.append(text[start:place])
            start = place + len(sign)
    return [*parts, text[start:]]


def _apart(sides: list[str], tail: str) -> tuple[str, tuple[str, str]]:
    """What both sides measure, said once, and what each is apart from it."""
    heads, arms = zip(*map(_armed, sides), strict=True)
    if not tail and heads[0] == heads[1] and all(arms):
        return _plain(heads[0]), (_plain(arms[0]), _plain(arms[1]))
    places = [side.partition(" at ") for side in sides]
    if not tail and places[0][0] == places[1][0] and all(at for _, at, _ in places):
        return _plain(places[0][0]), (f"at {_plain(places[0][2])}", f"at {_plain(places[1][2])}")
    one, other = (measure(side) for side in sides)
    return _plain(tail), (one, other)


def _armed(name: str) -> tuple[str, str]:
    """``train_error (random)`` as the measure and the experiment it is of."""
    match = re.fullmatch(r"([^()]+) \(([^()]*(?:\([^()]*\))?)\)", name)
    return (match[1], match[2]) if match and not match[1].endswith((" of", " /", " -")) else (name, "")


def _plain(text: str) -> str:
    """Names of measures in words, one sign for each operation."""
    text = re.sub(r"epochs to train_error <= 0(?![.\d])", "time to fit", text)
    text = re.sub(r"epochs to (\w+) <= (\S+)", r"time to a \1 of \2", text)
    text = re.sub(r"[A-Za-z]\w*_\w+", lambda word: MEASURES.get(word[0], word[0].replace("_", " ")), text)
    text = text.replace(" <= ", " at most ").replace(" >= ", " at least ").replace(" - ", " − ")
    text = re.sub(r"(?<=[\w)])=(?=[\d.])", " = ", text)
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text).rstrip(".")
