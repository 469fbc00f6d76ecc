"""Scientific mistakes planted into the instrument, one at a time: does a test notice?

mutmut and cosmic-ray change operators and constants wherever they stand, tens of thousands of them here, and
none of that is a mistake of the science, such as one draw of labels for all replicates; so this is a list of
patches, and a hundred lines that try them. ``python -m harness.tests.mutants`` does it for all.
"""
