"""docs/CLUSTERS.md: its array of Slurm is run, by a scheduler of two tasks that sends the page's signal."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from harness.lab.store import Store
from harness.tests.suites import environment, run_harness, write_claims
from harness.tests.test_clusters_page import PAGE

pytestmark = pytest.mark.clusters

CLAIMS = """
from harness import Experiment, Sgd
from harness.data import Digits
from harness.models import Mlp


def net(width):
    return Experiment(Digits(n=300), Mlp(width=width, depth=3, batch_norm=True), Sgd(lr=1e-6, epochs=8000))


@claim(PAPER, "S1", says="it is fitted", reported="words", adapted=SMALL)
@trained(x=net(24))
@control(says="another width", x=net(25))
def test_fitted(x, check):
    check(above(x.final("train_accuracy"), 0.5, because="it is half"))
"""
SCRIPT = re.search(r"    #!/bin/bash\n    #SBATCH --array.*?exit \$status\n", PAGE, re.DOTALL)
"""The page's script, indented as it is there."""
SIGNAL_AFTER = 5
"""Seconds that the scheduler leaves a step before it sends the signal that the script asks for."""
STEP = f"""#!/bin/bash
"$@" &
step=$!
if [ ! -e "signalled-$SLURM_JOB_ID" ]; then
    touch "signalled-$SLURM_JOB_ID"
    sleep {SIGNAL_AFTER}
    kill -USR1 $step
fi
wait $step
"""
REQUEUE = """#!/bin/bash
[ "$1" = requeue ] && touch "requeued-$2"
"""


def recipe(folder: Path) -> Path:
    """The page's script for this machine, beside a scheduler's commands that it calls."""
    assert SCRIPT is not None
    text = "\n".join(row.removeprefix("    ") for row in SCRIPT.group().splitlines()) + "\n"
    signal = re.search(r"--signal=(\w+)@", text)
    assert signal is not None
    assert signal.group(1) == "USR1"
    there = {
        "train full --device cuda": "train quick --processes 1",
        "/shared/store": str(folder / "shared"),
        "/shared/data": str(folder),
    }
    for name, here in there.items():
        assert text.count(name) == 1
        text = text.replace(name, here)
    commands = {"srun": STEP, "scontrol": REQUEUE, "python": f'#!/bin/bash\nexec {sys.executable} -B "$@"\n'}
    (folder / "bin").mkdir()
    for name, content in commands.items():
        (folder / "bin" / name).write_text(content)
        (folder / "bin" / name).chmod(0o755)
    script = folder / "array.sh"
    script.write_text(text)
    return script


def scheduled(script: Path, number: int, told: list[tuple[int, int]]) -> None:
    """A member of the array: what a scheduler does with it until it is not put back into the queue."""
    folder = script.parent
    env = environment(folder, SLURM_JOB_ID=str(number), PATH=f"{folder / 'bin'}:/usr/bin:/bin")
    again = True
    while again:
        step = subprocess.run(
            ["bash", script], cwd=folder, env=env, capture_output=True, timeout=300, check=False
        )
        told.append((number, step.returncode))
        requeued = folder / f"requeued-{number}"
        again = requeued.exists()
        requeued.unlink(missing_ok=True)


def test_an_array_that_is_signalled_goes_on_where_it_was_to_the_same_bits(tmp_path: Path) -> None:
    write_claims(tmp_path, CLAIMS)
    script = recipe(tmp_path)
    told: list[tuple[int, int]] = []
    members = [threading.Thread(target=scheduled, args=(script, number, told)) for number in (0, 1)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    statuses = Counter(told)
    assert statuses.keys() <= {(0, 0), (1, 0), (0, 75), (1, 75)}
    assert statuses[0, 0] == statuses[1, 0] == 1
    assert statuses[0, 75] + statuses[1, 75] >= 1
    assert run_harness(tmp_path, "train", "quick", "--store", str(tmp_path / "alone")).status == 0
    shared, alone = Store(tmp_path / "shared"), Store(tmp_path / "alone")
    assert left_by(shared) == left_by(alone)
    assert len(alone.keys()) == 10


def left_by(store: Store) -> dict[str, tuple[object, object]]:
    """What each run left: its curves and what it ended with."""
    records = [store.read(key) for key in list(store.keys())]
    return {record.key: (record.curves, record.finals) for record in records if record is not None}
