"""The schema's history (Alembic). `throughline migrate` brings a database up to date.

Only the gateway's environment has Alembic.
"""
