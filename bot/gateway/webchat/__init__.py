"""The web chat's server: what a platform does for the other channels, the gateway does for this one.

routes.py      what is served under `/webchat/`, to whom and how often
sockets.py     one socket of one visitor, and waking the sockets
sessions.py    tokens, and the visitors who hold them
identity.py    customers whom the page vouches for
transcript.py  what a visitor is shown, and what of it they have seen
uploads.py     files on their way into a message
"""

from bot.gateway.webchat.identity import Identities
from bot.gateway.webchat.routes import Webchat
from bot.gateway.webchat.sockets import Hub, Surroundings
from bot.gateway.webchat.uploads import Uploads

__all__ = ["Hub", "Identities", "Surroundings", "Uploads", "Webchat"]
