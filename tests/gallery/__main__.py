"""`make docs`: docs/channels.md and docs/messages.md, made anew."""

from __future__ import annotations

import asyncio

from tests.gallery import pictures, support
from tests.gallery.channels import every_channel


def main() -> None:
    support.PAGE.write_text(support.page(every_channel()), encoding="utf-8")
    asyncio.run(pictures.make())


main()
