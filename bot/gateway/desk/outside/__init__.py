"""Other desks: a company's own helpdesk is the desk. What happens to conversations that are with people is told to it
(`telling.py` finds out what, `delivery.py` brings it), and what its agents do comes back by an API (`api.py`) or by
Chatwoot's webhook (`chatwoot/`). docs/other-desks.md is the contract.
"""
