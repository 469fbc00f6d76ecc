"""The claims of papers: a file for each family, whose docstring is its thesis, and what families share."""
