"""A page as one HTML file that needs nothing else: no network, no fonts, no other file.

Style and script lie beside this file. Everything of the study is escaped; a content security policy
forbids the browser to load anything, whatever the file holds.
"""

import json
import re
from base64 import b64encode
from functools import cache
from html import escape
from importlib.resources import files

from normsweep.report.page import (
    Block,
    Code,
    Figure,
    Folded,
    Image,
    Items,
    Page,
    Part,
    Row,
    Table,
    Text,
)

MOST_ROWS = 1000
"""Of the numbers of one figure: a browser is slow with tens of thousands."""
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


def render_html(page: Page) -> str:
    """The whole document."""
    first, *others = [_block(block) for block in page.blocks] or [""]
    blocks = "\n".join(others)
    contents = "\n".join(
        f'<li><a href="#{escape(block.name)}">{escape(block.title)}</a></li>'
        for block in page.blocks
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(page.title)}</title>
<style>
{_beside("page.css")}
</style>
</head>
<body>
<header>
<h1>{escape(page.title)}</h1>
<p>{escape(page.summary)}</p>
</header>
<main>
{first}
<nav aria-label="Contents">
<ul>
{contents}
</ul>
</nav>
{blocks}
</main>
<footer><p>{escape(page.closing)}</p></footer>
{_scripts(page) if page.figures else ""}
</body>
</html>
"""


def _scripts(page: Page) -> str:
    """Plotly once, the figures as data, and what draws them."""
    from plotly.offline import get_plotlyjs

    figures = {figure.name: json.loads(figure.drawn.figure.to_json()) for figure in page.figures}
    # In a script only this could end it.
    data = json.dumps(figures, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f"<script>{get_plotlyjs()}</script>\n"
        f'<script type="application/json" id="figure-data">{data}</script>\n'
        f"<script>\n{_beside('page.js')}\n</script>"
    )


@cache
def _beside(name: str) -> str:
    return files("normsweep.report").joinpath(name).read_text("utf-8")


def _block(block: Block) -> str:
    parts = "\n".join(_part(part) for part in block.parts)
    return (
        f'<section id="{escape(block.name)}" aria-labelledby="{escape(block.name)}-title">\n'
        f'<h2 id="{escape(block.name)}-title">{escape(block.title)}</h2>\n{parts}\n</section>'
    )


def _part(part: Part) -> str:
    match part:
        case Text(text, weight):
            kind = f' class="{weight}"' if weight != "plain" else ""
            return f"<p{kind}>{escape(text)}</p>"
        case Items(items):
            return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
        case Code(text, _):
            return f'<pre tabindex="0"><code>{escape(text.rstrip())}</code></pre>'
        case Table():
            title = f"<h3>{escape(part.title)}</h3>\n" if part.title else ""
            return title + _table(part)
        case Figure():
            return _figure(part)
        case Image(title, png, alternative):
            data = b64encode(png).decode("ascii")
            return (
                f'<figure class="image"><img src="data:image/png;base64,{data}" '
                f'alt="{escape(alternative)}"><figcaption>{escape(title)}</figcaption></figure>'
            )
        case Row(images):
            inside = "\n".join(map(_part, images))
            return f'<div class="row" style="--columns:{len(images)}">\n{inside}\n</div>'
        case Folded(title, parts):
            inside = "\n".join(map(_part, parts))
            return f"<details><summary>{escape(title)}</summary>\n{inside}\n</details>"


def _figure(part: Figure) -> str:
    numbers = part.drawn.numbers
    kept = numbers.rows[:MOST_ROWS]
    left = len(numbers.rows) - len(kept)
    more = f"<p>and {left} more rows</p>" if left else ""
    name, told = escape(part.name), escape(part.drawn.alternative)
    height = int(part.drawn.figure.layout.height or 450)
    words = frozenset(numbers.columns) - _numeric(numbers.columns, kept)
    table = _table(Table(part.title, numbers.columns, kept, words))
    return f"""<h3>{escape(part.title)}</h3>
<figure>
<div class="plot" id="plot-{name}" role="img" aria-label="{told}" style="height:{height}px"></div>
<figcaption>{escape(part.drawn.caption)}</figcaption>
<details><summary>The numbers of this figure</summary>
<p>{told}</p><p class="small">{escape(part.drawn.how)}</p>
{table}{more}
</details>
</figure>"""


def _numeric(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    """The columns of numbers, with units or without, and dashes where there are none."""
    found = zip(columns, zip(*rows, strict=True), strict=True)
    return frozenset(
        column
        for column, cells in found
        if all(re.fullmatch(r"[-−+]?[\d.]+(e[-+]?\d+)?( %)?|–", cell) for cell in cells)
    )


def _table(table: Table) -> str:
    sides = ["" if column in table.words else ' class="number"' for column in table.columns]
    head = "".join(
        f'<th scope="col"{side}>{escape(column)}</th>'
        for column, side in zip(table.columns, sides, strict=True)
    )
    rows = []
    for place, row in enumerate(table.rows):
        cells = "".join(
            f'<td{side} data-label="{escape(column)}">{escape(cell)}</td>'
            if table.stacks
            else f"<td{side}>{escape(cell)}</td>"
            for cell, side, column in zip(row, sides, table.columns, strict=True)
        )
        rows.append(f"<tr{' class=marked' if place in table.marked else ''}>{cells}</tr>")
    label = escape(table.title or "Table")
    stacks = ' class="stacks"' if table.stacks else ""
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table{stacks}>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table></div>"
    )
