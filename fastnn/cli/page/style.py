"""The style sheet of the report."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1f2430; --soft: #5b6472; --line: #dfe3e8; --card: #f5f7f9;
  --c0: #2f66b0; --c1: #c9641f; --c2: #2f8a4c; --c3: #ab3a52; --c4: #6d50a8; --c5: #7d6243;
  --c6: #b0529b; --c7: #4f5b67; --heat: 47, 102, 176; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171c; --ink: #e6e9ee; --soft: #a2abb8; --line: #323841; --card: #1c2027;
  --c0: #7db0f2; --c1: #f0a066; --c2: #75c98f; --c3: #ec8398; --c4: #b79df0; --c5: #cdb08c;
  --c6: #e79dd6; --c7: #a9b4c0; --heat: 90, 150, 235; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: .95rem; margin: 1.1rem 0 .2rem; } figure h3 { margin-top: 0; }
p { margin: .4rem 0; } .soft, figcaption, .note { color: var(--soft); font-size: .9rem; }
.cards { display: grid; gap: .6rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); }
.card { background: var(--card); border-radius: .5rem; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.3rem; line-height: 1.3; }
.card span { color: var(--soft); font-size: .85rem; }
.figures { display: grid; gap: 1.2rem; margin-top: .8rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
figure { margin: 0; max-width: 30rem; } svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: normal; max-width: 22rem; }
td:first-child { min-width: 6rem; } td.text:last-child { min-width: 13rem; }
th { color: var(--soft); font-weight: 600; } td.num, th.num { text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix td, .matrix th { border: 0; padding: .35rem .6rem; text-align: center;
  white-space: nowrap; }
.matrix tbody th { text-align: right; } .matrix { margin-top: .3rem; }
.rows { display: grid; grid-template-columns: fit-content(45%) minmax(3rem, 1fr) max-content;
  gap: .25rem .6rem; align-items: center; font-size: .9rem; max-width: 40rem; }
.rows .track { height: .85rem; } .rows .fill { height: 100%; background: var(--c0);
  border-radius: 0 .2rem .2rem 0; min-width: 1px; }
.rows .value { font-variant-numeric: tabular-nums; color: var(--soft); }
code, pre { font: .88rem/1.45 ui-monospace, monospace; } pre { background: var(--card);
  padding: .7rem .9rem; border-radius: .5rem; overflow-x: auto; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .line.faint { stroke-width: 1; }
.band { opacity: .18; stroke: none; } .whisker { fill: none; stroke-width: 6; opacity: .3; }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); }
.diagonal { fill: none; stroke: var(--soft); stroke-dasharray: 4 4; }
.point { fill: var(--c0); opacity: .45; } .bar { fill: var(--c0); opacity: .8; }
.faint { stroke: var(--soft); opacity: .45; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.end { text-anchor: end; } .middle { text-anchor: middle; } svg text.label { fill: var(--ink); }
.legend { font-size: .85rem; color: var(--soft); display: flex; flex-wrap: wrap; gap: .2rem .9rem;
  margin: .2rem 0 0; } .key { display: inline-block; width: .8rem; height: .25rem;
  margin-right: .35rem; vertical-align: middle; background: currentColor; }
@media print { body { max-width: none; } figure, .rows { break-inside: avoid; } }
""" + "".join(
    f".line.c{i}, .whisker.c{i} {{ stroke: var(--c{i}); }} "
    f".band.c{i}, .dot.c{i} {{ fill: var(--c{i}); }} .key.c{i} {{ color: var(--c{i}); }}\n"
    for i in range(8)
)
