"""All mutants, room by room."""

from __future__ import annotations

from harness.tests.mutants import (
    analytic_mutants,
    data_mutants,
    evidence_mutants,
    fleet_mutants,
    gpu_mutants,
    judging_mutants,
    lab_mutants,
    model_mutants,
    native_mutants,
    probe_mutants,
    report_mutants,
    resumed_mutants,
)

MUTANTS = (
    *data_mutants.MUTANTS,
    *model_mutants.MUTANTS,
    *fleet_mutants.MUTANTS,
    *gpu_mutants.MUTANTS,
    *native_mutants.MUTANTS,
    *analytic_mutants.MUTANTS,
    *probe_mutants.MUTANTS,
    *lab_mutants.MUTANTS,
    *resumed_mutants.MUTANTS,
    *evidence_mutants.MUTANTS,
    *judging_mutants.MUTANTS,
    *report_mutants.MUTANTS,
)
