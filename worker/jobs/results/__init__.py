"""Results of jobs as data: Parquet tables of one row per image, written under a fence and asked by DuckDB."""
