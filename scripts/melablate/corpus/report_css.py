"""Style of a corpus' page: as the study's own, system fonts, light and dark, nothing fetched."""

CSS = """\
:root { --paper: #fcfcfa; --raised: #fff; --ink: #1b1c1e; --dim: #66686e; --rule: #e2e1dc;
  --train: #5b86b8; --heldout: #c77b30 }
@media (prefers-color-scheme: dark) { :root { --paper: #131416; --raised: #1a1b1e; --ink: #e6e5e1;
  --dim: #9a9ba1; --rule: #2e3034; --train: #6f9fd8; --heldout: #e09a52 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 -apple-system,
  BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, system-ui,
  sans-serif; font-variant-numeric: tabular-nums }
header, main { max-width: 1200px; margin: 0 auto; padding: 0 28px }
header { padding-top: 30px }
main { padding-bottom: 60px }
.house { margin: 0; color: var(--dim); font-size: 12px; letter-spacing: .09em;
  text-transform: uppercase }
h1 { font-size: 27px; line-height: 1.2; font-weight: 600; margin: 2px 0 6px;
  overflow-wrap: anywhere }
h2 { font-size: 19px; font-weight: 600; margin: 40px 0 8px }
h3 { font-size: 15px; font-weight: 600; margin: 0 }
.dim { color: var(--dim); font-weight: 400 }
.facts { display: flex; flex-wrap: wrap; gap: 8px 34px; margin: 18px 0 0 }
.facts div { min-width: 80px }
.facts dt { color: var(--dim); font-size: 13px }
.facts dd { margin: 0; font-size: 20px; font-weight: 600 }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr));
  gap: 18px }
figure { margin: 0; padding: 14px 16px 8px; background: var(--raised);
  border: 1px solid var(--rule); border-radius: 6px }
figcaption { display: flex; justify-content: space-between; gap: 12px; flex-wrap: wrap }
figcaption span { color: var(--dim); font-size: 13px }
.histogram { display: block; width: 100%; height: auto; margin-top: 6px }
.histogram text { font-size: 11px; fill: var(--dim) }
.histogram .grid { stroke: var(--rule) }
.g0 { fill: var(--train) } .g1 { fill: var(--heldout) }
.key::before { content: ""; display: inline-block; width: 10px; height: 10px; margin-right: 5px;
  border-radius: 2px; background: var(--train) }
.key.heldout::before { background: var(--heldout) }
.key { margin-right: 16px }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 6px;
  background: var(--raised) }
table { border-collapse: collapse; width: 100% }
th, td { padding: 7px 12px; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere }
tr:last-child > * { border-bottom: 0 }
th { font-weight: 600 }
thead th { color: var(--dim); font-size: 13px; font-weight: 400 }
.num { text-align: right; white-space: nowrap }
summary { cursor: pointer; color: var(--dim) }
ul { margin: 6px 0; padding-left: 18px; font-size: 13px }
"""
