"""The desk, where agents work: who may use it (`access/`), who is given what (`routing/`), and its conversations.

routes.py       what the page asks; serving.py puts the parts together, surroundings.py is what they have in common
items.py        the lists; searching.py finds what was said; people.py whose conversation it is
transcript.py   what was said, on all channels; panel.py and state.py what stands beside it, orders.py asks the shop
doings.py       what agents want done, asked for and awaited
replying.py     their words: writing.py checks them (pure), reach.py says where they can go
notes.py, saved.py, suggestions.py, links.py   what else there is to do
figures.py, overview.py   for supervisors
live.py         what changes, told to every open window: sockets.py and seats.py are these, pulse.py wakes, following.py
                finds what is new (pure)
"""
