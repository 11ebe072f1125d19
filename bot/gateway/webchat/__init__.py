"""The web chat's server: what a platform does for the other channels, the gateway does for this one.

routes.py      what is served under `/webchat/`, to whom and how often
sockets.py     one socket of one visitor
hub.py         waking a visitor's sockets, at whichever gateway; looking.py finds what nobody has told
sessions.py    tokens, and the visitors who hold them
identity.py    customers whom the page vouches for
transcript.py  what a visitor is shown, and what of it they have seen
uploads.py     files on their way into a message
"""

from bot.gateway.webchat.hub import Hub
from bot.gateway.webchat.identity import Identities
from bot.gateway.webchat.looking import Lookout
from bot.gateway.webchat.routes import Webchat, rates_in
from bot.gateway.webchat.sockets import Surroundings
from bot.gateway.webchat.uploads import Uploads

__all__ = ["Hub", "Identities", "Lookout", "Surroundings", "Uploads", "Webchat", "rates_in"]
