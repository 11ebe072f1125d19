"""The parts of the understanding pipeline that Rasa lacks: two languages in one message, and the shop's own words."""
