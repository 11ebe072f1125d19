"""What the gateway carries: acknowledging, bursts, idle chats, throughput, growth, a large database, a death.

`make load`, or `python -m benchmarks.load --only ack,rate`. README.md says what is measured, and what it means.

traffic.py    what platforms and their customers do: webhooks in, calls out; wire.py their HTTP
database.py   a fresh database of either kind; stand.py gateways and stand-ins for the core on it
echo.py       the stand-in for the core: a process that answers every message with its own words
gateway.py    the gateway as it is, but for the platforms' own limits
machines.py   shares of this machine; ballast.py the large database
parts.py      ack.py, burst.py, idle.py, rate.py, scale.py, big.py, takeover.py, and which figures each gives; goals.py
"""
