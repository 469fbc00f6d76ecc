"""Mistakes in addresses, store and plan: a record read for a run that it is not of."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_names = into("lab/names.py", "lab/test_names.py", "lab/test_lab.py")
_specified = into("lab/names.py", "lab/test_shipped.py")
_values = into("spec/values.py", "spec/test_values.py", "lab/test_names.py")
_experiments = into("spec/experiments.py", "spec/test_values.py", "spec/test_experiments.py")
_fingerprint = into("spec/fingerprint.py", "spec/test_fingerprint.py")
_syntax = into("spec/syntax.py", "spec/test_syntax.py", "spec/test_fingerprint.py")
_modules = into("spec/modules.py", "spec/test_modules.py", "spec/test_fingerprint.py")
_digests = into("data/digests.py", "data/test_sources.py", "data/test_stored.py")
_sources = into("data/sources.py", "data/test_sources.py")
_lab = into("lab/lab.py", "lab/test_lab.py", "lab/test_computing.py", "lab/test_lab_watched.py")
_computing = into(
    "lab/computing.py", "lab/test_computing_draws.py", "lab/test_computing.py", "lab/test_lab.py"
)
_reading = into("lab/reading.py", "lab/test_computing_draws.py", "lab/test_computing.py", "lab/test_lab.py")
_recording = into("lab/recording.py", "lab/test_recording.py", "lab/test_results.py")
_fleets = into("lab/computing.py", "lab/test_recording.py", "lab/test_computing.py")
_results = into("lab/results.py", "lab/test_results.py", "lab/test_lab_watched.py")
_store = into("lab/store.py", "lab/test_records.py", "lab/test_store.py")
_records = into("lab/records.py", "lab/test_records.py", "lab/test_store.py")
_merging = into("lab/records.py", "lab/test_lab.py", "lab/test_computing.py")
_arrays = into("lab/arrays.py", "lab/test_store.py", "lab/test_records.py")
_replicates = into("lab/replicates.py", "lab/test_replicates.py")
_plan = into("lab/plan.py", "lab/test_plan.py", "fleet/test_stacked.py")
_durations = into("lab/durations.py", "lab/test_durations.py")
_runs = into("lab/runs.py", "lab/test_lab.py", "lab/test_plan.py")
_shipped = into("lab/shipped.py", "lab/test_shipped.py")
_exporting = into("commands/exporting.py", "lab/test_shipped.py")
_carrying = into("lab/carrying.py", "lab/test_carrying.py", "commands/test_carrying.py")

MUTANTS = (
    _names(
        "addresses", "the address ignores the code",
        "code=fingerprint(value),", 'code="",',
    ),
    _names(
        "addresses", "the address ignores the data",
        'source=" ".join(s.digest for s in sources),', 'source="",',
    ),
    _names(
        "addresses", "the address ignores the trainer's arithmetic",
        "semantics=SEMANTICS,", "semantics=1,",
    ),
    _names(
        "addresses", "all replicates have one name",
        'digest({"address": named.address, "replicate": replicate})', 'digest({"address": named.address})',
    ),
    _names(
        "addresses", "every child starts from its parent's first replicate",
        "parents=tuple(self.run(parent, replicate) for", "parents=tuple(self.run(parent, 0) for",
    ),
    _names(
        "addresses", "functions of one name in two files are one",
        "return digest([canonical(value) if fields is None else _earlier(value, fields), outside])",
        "return digest([canonical(value) if fields is None else _earlier(value, fields)])",
    ),
    _specified(
        "shipped", "a field added since is read as if it were not there",
        "and content == field.default", "and True",
    ),
    _values(
        "addresses", "two classes with equal fields are one",
        'return {"value": type(value).__name__, **{', 'return {**{',
    ),
    _experiments(
        "seeds", "the order of examples is drawn with the initial weights",
        '"order": "order", "noise": "order",', '"order": "weights", "noise": "order",',
    ),
    _experiments(
        "seeds", "a draw of the data meets another replicate's",
        "return replicate + draw * DRAWN_APART", "return replicate + draw",
    ),
    _values(
        "addresses", "a field that came later moves all addresses",
        "names, later = _addressed(type(value))", "names, later = _addressed(type(value))[0], ()",
    ),
    _experiments(
        "addresses", "probes are part of a training's address",
        'unaddressed: ClassVar[tuple[str, ...]] = ("probes",)', "unaddressed: ClassVar[tuple[str, ...]] = ()",
    ),
    _experiments(
        "addresses", "the precision is no part of the address",
        'unaddressed: ClassVar[tuple[str, ...]] = ("probes",)',
        'unaddressed: ClassVar[tuple[str, ...]] = ("probes", "precision")',
    ),
    _experiments(
        "addresses", "the loss is no part of the address",
        'unaddressed: ClassVar[tuple[str, ...]] = ("probes",)',
        'unaddressed: ClassVar[tuple[str, ...]] = ("probes", "loss")',
    ),
    _values(
        "addresses", "numbers are addressed to six digits",
        "    if type(value) is float and math.isfinite(value):\n        return value",
        "    if type(value) is float and math.isfinite(value):\n        return round(value, 6)",
    ),
    _values(
        "addresses", "all functions of one file are one",
        'return {"function": value.__qualname__}', 'return {"function": "function"}',
    ),
    _fingerprint(
        "addresses", "what a class reads has no code",
        "                todo.append(place)\n", "",
    ),
    _fingerprint(
        "addresses", "the values inside a value count for nothing",
        "for inner in values_in(value) for place in _places_of(inner)}", "for place in _places_of(value)}",
    ),
    _fingerprint(
        "addresses", "functions that a value holds count for nothing",
        "            yield from _functions_in(getattr(value, name))\n", "            yield from ()\n",
    ),
    _fingerprint(
        "addresses", "which of two equal names is meant does not count",
        'leads = ",".join(f"{name}>{numbers[place]}" for name, place in reach.inside)',
        'leads = ",".join(name for name, _ in reach.inside)',
    ),
    _fingerprint(
        "addresses", "code changed since it was read is the code of before",
        "    for cached in (_of_definition, _reach, _code):\n        cached.cache_clear()\n", "",
    ),
    _digests(
        "data", "a file changed in place keeps its digest",
        "path.stat().st_size, path.stat().st_mtime_ns)", "path.stat().st_size)",
    ),
    _digests(
        "data", "the digest is of an array's beginning",
        "np.ascontiguousarray(array).data).hexdigest()",
        "np.ascontiguousarray(array).tobytes()[:1000]).hexdigest()",
    ),
    _sources(
        "data", "any copy of a collection has its name",
        'return Source(KNOWN.get(each, f"{archive.name} (unknown copy, sha256 {digest[:8]})"), digest)',
        "return Source(archive.name, digest)",
    ),
    _merging(
        "pairing", "all replicates have the last one's probes",
        "whole, *probed = records[r::replicates]", "whole, *probed = records[r], *records[replicates:]",
    ),
    _lab(
        "seeds", "every replicate is the first one's run",
        "return [self.names.run(v, r) for v in parts(plain(value)) for r in read]",
        "return [self.names.run(v, self.first) for v in parts(plain(value)) for r in read]",
    ),
    _lab(
        "seeds", "replicates are counted from one",
        "read = range(first, first + replicates)", "read = range(first + 1, first + 1 + replicates)",
    ),
    _lab(
        "seeds", "a fresh judgement reads the replicates of every other",
        "first = self.first + (ANEW if", "first = 0 + (ANEW if",
    ),
    _lab(
        "pairing", "what is read anew is what the claim reads",
        "(ANEW if isinstance(value, Anew) else 0)", "(0 if isinstance(value, Anew) else ANEW)",
    ),
    _lab(
        "store", "what is to be computed afresh is read from the store",
        "self.store.has(run.key, self.place.only_of)", "self.store.has(run.key)",
    ),
    _computing(
        "seeds", "all replicates of a simulation draw from one stream",
        'stream(run.replicate, "simulation")', 'stream(0, "simulation")',
    ),
    _computing(
        "seeds", "all replicates of a solver draw from one stream",
        'stream(run.replicate, "solution")', 'stream(0, "solution")',
    ),
    _computing(
        "seeds", "a solver draws from the stream of the data",
        'stream(run.replicate, "solution")', 'stream(run.replicate, "data")',
    ),
    _computing(
        "seeds", "all replicates of a chain are transformed by one stream",
        'stream_of(run.value.draws, run.replicate, "transform")',
        'stream_of(run.value.draws, 0, "transform")',
    ),
    _reading(
        "seeds", "all replicates are trained, solved and probed on the first one's data",
        "return verified_split(part, place.data_root, replicate, digests_of(run, part))",
        "return verified_split(part, place.data_root, 0, digests_of(run, part))",
    ),
    _reading(
        "seeds", "data are of the first draw, whatever the experiment says",
        'replicate = draws.replicate("data", run.replicate)', "replicate = run.replicate",
    ),
    _computing(
        "seeds", "a run trains with another replicate's order",
        "return trainer.Member(run.value, run.replicate, split,",
        "return trainer.Member(run.value, 0, split,",
    ),
    _computing(
        "store", "a chain starts from fresh weights",
        "start = _start(run, place, store)", "start = None",
    ),
    _computing(
        "store", "a chain forgets its transform",
        "weights = step.transform.apply(reads,", "step.transform.apply(reads,",
    ),
    _computing(
        "store", "a joined chain reads its first parent alone",
        "reads = parents if len(parents) > 1 else parent", "reads = parent",
    ),
    _computing(
        "store", "a checkpoint is left for the next training of a run",
        "    store.forget(run.key)\n", "",
    ),
    _fleets(
        "fleets", "members of a fleet are recorded as the first one",
        "recording.of_training(runs[i], place, members[i].split, trained,",
        "recording.of_training(runs[0], place, members[i].split, trained,",
    ),
    _fleets(
        "fleets", "members of a fleet are recorded with the first one's data",
        "recording.of_training(runs[i], place, members[i].split, trained,",
        "recording.of_training(runs[i], place, members[0].split, trained,",
    ),
    _recording(
        "resolution", "errors are resolved by the training images alone",
        '"test_error": 1 / len(split.y_test)', '"test_error": 1 / len(split.y_train)',
    ),
    _recording(
        "resolution", "errors are recorded as exact",
        "        resolutions=resolutions,\n", "        resolutions={},\n",
    ),
    _recording(
        "resolution", "the error on corrupted labels is resolved by all of them",
        '1 / max(changed, 1)', '1 / max(len(split.y_train), 1)',
    ),
    _recording(
        "censoring", "a run that diverged keeps its last numbers",
        "None if diverged else finite(value)", "finite(value)",
    ),
    _recording(
        "store", "finals are the best of all epochs",
        "None if diverged else finite(value)", "None if diverged else min(curves[name])",
    ),
    _lab(
        "store", "curves that a claim reads are not recorded where a lab is sparing",
        "self.watched.get(run.address, NOTHING) if self.sparing", "NOTHING if self.sparing",
    ),
    _results(
        "store", "replicates whose curve was not recorded are read as if they had none",
        "any(_unrecorded(record, measure) for record in self.records)",
        "_unrecorded(self.records[0], measure)",
    ),
    _results(
        "censoring", "a run that did not get there got there at its end",
        "censored.append(not epochs)", "censored.append(False)",
    ),
    _results(
        "censoring", "a run that did not get there took no epoch",
        "else float(max(record.epochs, 1)))", "else 1.0)",
    ),
    _results(
        "resolution", "epochs are counted from zero",
        "values.append(float(epochs[0] + 1) if epochs", "values.append(float(epochs[0]) if epochs",
    ),
    _results(
        "resolution", "epochs are exact",
        "            resolution=1.0,\n", "            resolution=0.0,\n",
    ),
    _results(
        "resolution", "a measure is as fine as its finest replicate",
        "resolution = max(r.resolutions.get", "resolution = min(r.resolutions.get",
    ),
    _results(
        "store", "the best epoch is the worst",
        'if r.outcome == "diverged" else min(c)', 'if r.outcome == "diverged" else max(c)',
    ),
    _results(
        "store", "a measure is read at the last epoch that is good enough",
        "values.append(float(row[epochs[0]]) if epochs else None)",
        "values.append(float(row[epochs[-1]]) if epochs else None)",
    ),
    _results(
        "store", "curves that ended go on at their last value",
        "table[i, : len(row)] = [np.nan if value is None else value for value in row]",
        "table[i] = row[-1] if row else np.nan\n"
        "            table[i, : len(row)] = [np.nan if value is None else value for value in row]",
    ),
    _results(
        "report", "gradient steps are counted from the first epoch's start",
        "return self.epochs * self.records[0].steps_per_epoch",
        "return (self.epochs - 1) * self.records[0].steps_per_epoch",
    ),
    _store(
        "store", "a record under another's name is trusted",
        "if record is None or record.key != key or unsound(record):", "if record is None or unsound(record):",
    ),
    _store(
        "store", "a record whose numbers contradict each other is trusted",
        "if record is None or record.key != key or unsound(record):",
        "if record is None or record.key != key:",
    ),
    _records(
        "store", "a checkpoint of another run is gone on from",
        "if body is None or body.key != key or unfit(body.state)", "if body is None or unfit(body.state)",
    ),
    _store(
        "store", "a checkpoint from before a fresh start is gone on from",
        'and session in ("", body.state.session):', "and session is not None:",
    ),
    _records(
        "store", "a record is trusted whatever its checksum",
        "if hashlib.sha256(bytes(outer.record)).hexdigest() != outer.sha256:", "if not outer.sha256:",
    ),
    _arrays(
        "store", "weights are trusted whatever their checksum",
        "if hashlib.sha256(data).hexdigest() == digest:", "if digest:",
    ),
    _arrays(
        "store", "transposed weights are written as memory has them",
        'np.asarray(array, order="C")', "np.asarray(array)",
    ),
    _replicates(
        "seeds", "what was calibrated on is judged afresh",
        "if first == 0 or RESERVE <= first < MOST:", "if first == 0 or RESERVE // 2 <= first < MOST:",
    ),
    _plan(
        "fleets", "nets of several momenta share a fleet",
        "optimizer.batch, optimizer.momentum, optimizer.weight_decay, *alike],",
        "optimizer.batch, optimizer.weight_decay, *alike],",
    ),
    _plan(
        "fleets", "nets of several losses share a fleet",
        "[value.loss, value.precision],", "[value.precision],",
    ),
    _plan(
        "fleets", "children are planned beside their parents",
        "with_depth.sort(key=lambda pair: (pair[0], -pair[1].seconds,",
        "with_depth.sort(key=lambda pair: (-pair[1].seconds, pair[0],",
    ),
    _durations(
        "report", "a run is planned for the epochs of its decay",
        "return optimizer.epochs * (computing + steps", "return (computing + steps",
    ),
    _runs(
        "store", "probes are left out",
        "return [value.but(probes=()), *(Probing(value.but(probes=()), probe) for probe in value.probes)]",
        "return [value.but(probes=())]",
    ),
    _shipped(
        "shipped", "shipped records are trusted whatever their checksums",
        "if hashlib.sha256(bytes(line.body)).hexdigest() != line.sha256:", "if False:",
    ),
    _shipped(
        "shipped", "a file that lost records is trusted",
        "if not len(by_key) == len(records) == header.records:", "if not len(by_key) == len(records):",
    ),
    _shipped(
        "shipped", "a tree with changes is shipped as its commit",
        'return (self.header.commit or "unknown") + ("-dirty" if self.header.dirty else "")',
        'return self.header.commit or "unknown"',
    ),
    _exporting(
        "shipped", "records of other code are exported",
        "    if foreign:\n", "    if foreign and not here:\n",
    ),
    _exporting(
        "shipped", "records that the store lacks are left out",
        "if len(whole) < len(records):", "if not whole:",
    ),
    _exporting(
        "shipped", "the replicates of controls are left out",
        "for value in item_of(function).computed():", "for value in item_of(function).computed()[:1]:",
    ),
    _carrying(
        "addresses", "records are carried without an equal sample",
        "        if proof is None or not proof.holds:\n", "        if proof is None:\n",
    ),
    _carrying(
        "addresses", "samples are compared by their finals alone",
        'COMPARED = ("finals", "curves", "shapes", "resolutions", "outcome", "epochs", "steps_per_epoch")',
        'COMPARED = ("finals",)',
    ),
    _carrying(
        "addresses", "records of other data are carried",
        "if before is None or before.address == named.address or before.sources != named.sources:",
        "if before is None or before.address == named.address:",
    ),
    _carrying(
        "addresses", "one kind's sample speaks for another's",
        'return ", ".join(sorted(names)) + (f"; {kernel}" if kernel else "")',
        'return ", ".join(sorted(names)[:1])',
    ),
    _carrying(
        "addresses", "a replicate is carried under another's name",
        "run = names.run(cell.value, record.replicate)", "run = names.run(cell.value, 0)",
    ),
)  # fmt: skip
