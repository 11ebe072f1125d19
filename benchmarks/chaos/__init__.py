"""A storm over the whole product, and the counting afterwards: was anything lost, doubled, mixed up, said twice?

plan.py        what people say and what goes wrong, and when: all of it from one seed. Pure
phones.py      the people, each with a phone on a platform or a browser on the shop's page (visitor.py)
platforms.py   the vendors' strict servers, and weather.py, the trouble that calls to them meet
front.py       the way from the vendors to the gateways: answers lost, webhooks delayed, doubled, overtaken
fleet.py       the product's processes, killed at any moment and restarted at once
databases.py   the database's server, stopped and started, and its disk, full for a while
evidence.py    what the database says in the end
counting.py    what became of every message, from both sides. Pure
scene.py       all of them, running
storm.py       everything at once, until nothing waits any more
report.py      the figures, the table and the goals. Pure

`make chaos` is the whole storm; tests/acceptance/test_storm.py is a short one with the same checks.
"""
