"""The look of the SAML identity provider's pages: one card in the middle, light and dark. Reads ./page.css."""

import html
from pathlib import Path

STYLE = (Path(__file__).parent / "page.css").read_text()


def page(title, body):
    """A whole document around `body`, which is HTML."""
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><style>{STYLE}</style></head>'
            f"<body><main>{body}</main></body></html>")
