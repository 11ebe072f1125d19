"""Journeys: tests that read like a conversation, over several channels and people, on the running product.

    # A return begun on the website is finished in Telegram

    Alice on the website: I want to return the blue kettle from order 1042
    bot: What is the reason for returning the blue kettle?
    Alice: can we continue on Telegram?
    bot: right where we are
        with a link to Telegram

    Alice follows the link
    bot: You were returning the blue kettle from order 1042

`throughline journeys` plays them on the real gateway, core worker and action server, with the vendors' servers of the
sandbox and people on all channels. language.py says what lines there are, parser.py reads them, play.py plays them.

This is the one place of the sandbox that knows the product as well: it starts its processes and looks into its
database, to know when all is said. It imports nothing of it.
"""
