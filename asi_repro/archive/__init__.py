"""Data at rest: the release reader, Parquet tables, lineage and the git history. Imports no torch."""
