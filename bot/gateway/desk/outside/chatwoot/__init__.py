"""Chatwoot as the desk, by an inbox of its kind API. What is told to it goes by its API (`api.py`, `teller.py`); what
its agents do comes by the inbox's webhook (`inbound.py` reads, `hearing.py` asks for it).

Written to what Chatwoot publishes:
    https://developers.chatwoot.com/api-reference/introduction and
    https://github.com/chatwoot/chatwoot/tree/develop/swagger (the application API)
    https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks (events)
    https://github.com/chatwoot/chatwoot/pull/13892 (the signature of an API inbox's webhook)
"""

DESK = "chatwoot"
"""By which name its agents and doings are known here."""
