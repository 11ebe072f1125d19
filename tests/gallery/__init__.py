"""docs/channels.md and docs/messages.md, made from the code: `make docs`.

support.py   what each channel shows and reads, as tables (pure)
pictures.py  how each kind of message looks, from the running gateway and the sandbox's phones
"""
