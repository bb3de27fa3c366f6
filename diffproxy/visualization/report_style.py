"""The style sheet of `report.html`: readable in light and dark, on a desk and on a phone."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; }
.cards { display: flex; flex-wrap: wrap; gap: .6rem; }
.cards div { background: var(--soft); border-radius: .5rem; padding: .6rem 1rem; min-width: 7rem; }
.cards b { display: block; font-size: 1.3rem; }
.cards span { opacity: .75; font-size: .85rem; }
.warn, .note { border-left: 4px solid #d97706; background: var(--soft); padding: .1rem 1rem .4rem; margin: 1rem 0; }
.note { border-color: #2563eb; }
.warn h2, .note h2 { margin: .4rem 0 .2rem; font-size: 1rem; }
ul { margin: 0; padding-left: 1.2rem; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; border-radius: .4rem; }
figcaption { opacity: .75; font-size: .85rem; }
.scroll { overflow: auto; max-height: 32rem; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: Canvas; text-align: left; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.num { text-align: right; }
td.ok { color: #15803d; font-weight: 600; }
td.fair { color: #b45309; font-weight: 600; }
td.bad { color: #dc2626; font-weight: 600; }
footer { margin-top: 2rem; opacity: .6; font-size: .8rem; }
"""
