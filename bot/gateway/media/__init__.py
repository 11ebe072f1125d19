"""What customers send besides words: fetched, checked, kept outside the web root, and shown by links that soon end.

contents.py  what a file is, by its bytes, and whether it is taken (pure)
vault.py     the files, each under the SHA-256 of its bytes
intake.py    the table: what is still to be fetched, and what became of it
fetcher.py   fetching it, side by side, with retries
sweep.py     throwing away what belongs to no message
links.py     links to a file and the route behind them
handles.py   files of our own in what is said to customers
"""
