"""Style of the page: system fonts, light and dark, nothing fetched."""

CSS = """\
:root {
  --paper: #fcfcfa; --raised: #ffffff; --ink: #1b1c1e; --dim: #66686e; --rule: #e2e1dc;
  --faint: #f2f1ed; --blind: #e9e7e0; --link: #24518f;
  --improved: #0b6e63; --improved-wash: #dcefea; --worse: #a83a17; --worse-wash: #f8e4db;
  --none: #66686e; --none-wash: #eeede9; --pale: #c9c7bf;
  --label: 11.5rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131416; --raised: #1a1b1e; --ink: #e6e5e1; --dim: #9a9ba1; --rule: #2e3034;
    --faint: #1e2023; --blind: #2a2c30; --link: #8fb8f2;
    --improved: #5cc9b5; --improved-wash: #12332e; --worse: #f08b63; --worse-wash: #3b2016;
    --none: #a4a5ab; --none-wash: #26282c; --pale: #4b4d53;
  }
}
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1rem }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue",
    "Liberation Sans", Arial, system-ui, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
header, main { max-width: 1280px; margin: 0 auto; padding: 0 28px }
header { padding-top: 30px; display: grid; grid-template-columns: 1fr auto; align-items: baseline }
.house {
  grid-column: 1 / -1; margin: 0; color: var(--dim); font-size: 12px; letter-spacing: .09em;
  text-transform: uppercase;
}
h1 { font-size: 27px; line-height: 1.2; font-weight: 600; letter-spacing: -.012em; margin: 2px 0 0;
  overflow-wrap: anywhere }
h2 { font-size: 19px; font-weight: 600; letter-spacing: -.005em; margin: 44px 0 8px }
h3 { font-size: 15px; font-weight: 600; margin: 0 }
nav a { margin-left: 16px; font-size: 14px }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px }
code, kbd { font: .88em ui-monospace, SFMono-Regular, Menlo, "Liberation Mono", monospace }
kbd { border: 1px solid var(--rule); border-radius: 3px; padding: 0 4px; background: var(--faint) }
.dim { color: var(--dim); font-weight: 400 }
.sr, .skip:not(:focus) {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.lead { display: grid; grid-template-columns: minmax(0, 1fr) minmax(250px, 330px); gap: 10px 44px;
  margin-top: 18px }
.guide { margin: 0; max-width: 74ch }
.guide em { font-style: normal; font-weight: 600 }
.facts { margin: 0; font-size: 13px; border-left: 1px solid var(--rule); padding-left: 18px }
.facts div { display: grid; grid-template-columns: 5.6rem 1fr; gap: 8px; padding: 1px 0 }
.facts dt { color: var(--dim) }
.facts dd { margin: 0; overflow-wrap: anywhere }

.scroll { position: relative; overflow: auto; max-width: 100%; border: 1px solid var(--rule);
  border-radius: 6px; background: var(--raised) }
table { border-collapse: separate; border-spacing: 0 }
.ablation { width: 100%; font-size: 13.5px }
.ablation th, .ablation td { padding: 4px 7px; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--rule); vertical-align: middle }
.ablation tbody:last-child tr:last-child > * { border-bottom: 0 }
.ablation thead th { background: var(--faint); font-weight: 600; font-size: 12.5px;
  vertical-align: bottom; padding-top: 6px }
.ablation thead tr:first-child th.group { border-bottom: 0; padding-bottom: 0 }
.ablation thead tr:last-child th { font-weight: 400; padding-top: 0 }
.ablation .first, .ablation .group { border-left: 1px solid var(--rule) }
.ablation th.row { position: sticky; left: 0; z-index: 1; background: var(--raised);
  font-weight: 500; white-space: normal; min-width: 150px; max-width: 210px; line-height: 1.25 }
.ablation thead th.row { background: var(--faint); z-index: 2 }
.ablation .num { text-align: right }
.ablation td.plot, .ablation th.plot { padding: 0 7px 0 0 }
.ablation tbody tr:hover > * { background: var(--faint) }
.ablation tbody.fixed > tr > *, .ablation tbody.baseline > tr > * { background: var(--paper) }
.ablation tbody.baseline > tr > * { font-weight: 600; border-bottom-color: var(--dim) }
.agreement { display: block; color: var(--dim); font-size: 11.5px; line-height: 1.2;
  margin: 1px 0 0 7px; white-space: normal; min-width: 12em; max-width: 19.5em }
.dagger { color: var(--dim); cursor: help }
.sort { all: unset; cursor: pointer; font-weight: inherit }
.sort:hover { text-decoration: underline }
.sort:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
.num .sort { color: var(--dim) }
.sort::after { content: "↕"; color: var(--pale); font-size: 10px; margin-left: 3px }
[aria-sort=ascending] .sort::after { content: "↑"; color: var(--link) }
[aria-sort=descending] .sort::after { content: "↓"; color: var(--link) }

.verdict { display: inline-block; font-size: 12px; line-height: 1.35; padding: 1px 7px;
  font-weight: 500; border-radius: 3px; white-space: nowrap; color: var(--none);
  background: var(--none-wash) }
.verdict.improved { color: var(--improved); background: var(--improved-wash) }
.verdict.worse { color: var(--worse); background: var(--worse-wash) }
.verdict.improved::before { content: "▲ "; font-size: 9px; vertical-align: 1px }
.verdict.worse::before { content: "▼ "; font-size: 9px; vertical-align: 1px }
.verdict.none::before { content: "≈ " }
.tally, .key { margin: 0 0 10px; font-size: 13.5px }
.tally > *, .key > * { margin-right: 8px }
.key { margin: 8px 0 0; font-size: 12.5px; color: var(--dim) }
.verdict.higher, .verdict.lower { color: var(--link) }
.verdict.higher::before { content: "▲ "; font-size: 9px }
.verdict.lower::before { content: "▼ "; font-size: 9px }
.told { display: block; font-size: 10.5px; font-weight: 500; line-height: 1; margin: -2px 0 4px;
  text-align: center; color: var(--link) }
.told.improved { color: var(--improved) }
.told.worse { color: var(--worse) }
.verdict.holds { color: var(--improved); background: var(--improved-wash) }
.verdict.fails { color: var(--worse); background: var(--worse-wash) }
.checks { list-style: none; padding: 0; margin: 0 0 10px }
.swatch { display: inline-block; width: 22px; height: 10px; background: var(--blind) }

svg { display: block; overflow: visible }
.interval .zero { stroke: var(--dim); stroke-width: 1; stroke-dasharray: 2 2 }
.interval .blind { fill: var(--blind) }
.interval .line { stroke: var(--none); stroke-width: 2 }
.interval .dot { fill: var(--none) }
.interval.improved .line { stroke: var(--improved) }
.interval.improved .dot { fill: var(--improved) }
.interval:is(.higher, .lower) .line { stroke: var(--link) }
.interval:is(.higher, .lower) .dot { fill: var(--link) }
.interval.worse .line { stroke: var(--worse) }
.interval.worse .dot { fill: var(--worse) }
svg text { fill: var(--dim); font-size: 10px }
.axis path { stroke: var(--pale) }
.curves { width: 100%; height: auto; margin: 6px 0 8px }
.curves .grid { stroke: var(--rule) }
.curves .curve, .curves .pale { fill: none; stroke: var(--link); stroke-width: 1.3;
  stroke-linejoin: round }
.curves .pale { stroke: var(--pale); stroke-width: 1.1 }

.bar { display: flex; gap: 12px 32px; justify-content: space-between; align-items: end;
  flex-wrap: wrap }
.bar p { margin: 0; max-width: 84ch; flex: 1 1 26rem }
.keys { font-size: 13px; margin: 4px 0 10px }
.seeds { border: 0; margin: 0; padding: 0; display: flex; align-items: center }
.seeds legend { float: left; font-size: 13px; color: var(--dim); padding: 0 10px 0 0 }
.seeds label span { display: block; min-width: 34px; text-align: center; padding: 3px 8px;
  border: 1px solid var(--rule); margin-left: -1px; font-size: 13px; cursor: pointer;
  background: var(--raised) }
.seeds label:first-of-type span { border-radius: 4px 0 0 4px }
.seeds label:last-of-type span { border-radius: 0 4px 4px 0 }
.seeds input { position: absolute; opacity: 0 }
.seeds input:checked + span { background: var(--ink); border-color: var(--ink);
  color: var(--paper) }
.seeds input:focus-visible + span { outline: 2px solid var(--link); outline-offset: 2px }

.grid { max-height: min(88vh, 900px) }
.listen { width: 100%; table-layout: fixed; min-width: calc(var(--label) + var(--columns) * 150px) }
.listen th.row { width: var(--label) }
.listen th, .listen td { padding: 5px; text-align: left; vertical-align: top; font-weight: 400 }
.listen thead th { position: sticky; top: 0; z-index: 2; background: var(--faint); padding: 7px 5px;
  border-bottom: 1px solid var(--rule); font-size: 12.5px; line-height: 1.3 }
.listen th.row { position: sticky; left: 0; z-index: 1; background: var(--raised); font-size: 13px;
  line-height: 1.3; padding: 6px 10px; border-right: 1px solid var(--rule) }
.listen th.row a { display: block; margin-bottom: 3px; font-weight: 500 }
.listen thead th.row { z-index: 3; background: var(--faint) }
.listen tbody + tbody > tr:first-child > * { border-top: 1px solid var(--rule) }
.count { color: var(--dim); font-size: 11px; display: block }
.prompt { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
  overflow: hidden; overflow-wrap: anywhere }
.spectrogram { position: relative; height: 66px; overflow: hidden; border-radius: 3px;
  background: #000; cursor: pointer }
.spectrogram img { display: block; width: 100%; height: 100%; font-size: 11px; color: #bbb }
.spectrogram i { position: absolute; inset: 0 auto 0 var(--at, -2px); width: 1.5px;
  background: #fff; box-shadow: 0 0 3px #000; pointer-events: none }
.take audio { display: block; width: 100%; height: 30px; margin-top: 3px }
.player { display: flex; align-items: center; gap: 6px; height: 24px; font-size: 11.5px;
  color: var(--dim) }
.play { all: unset; cursor: pointer; width: 22px; height: 20px; display: grid; place-items: center;
  color: var(--ink); border-radius: 3px }
.play:hover { background: var(--faint) }
.play:focus-visible { outline: 2px solid var(--link) }
.play svg { width: 12px; height: 12px; fill: currentColor }
.take.playing .play { color: var(--link) }
.take.playing .spectrogram { outline: 2px solid var(--link); outline-offset: 1px }
.missing { margin: 0; min-height: 66px; display: grid; place-items: center; text-align: center;
  font-size: 12px; color: var(--dim); border: 1px dashed var(--rule); border-radius: 3px;
  padding: 4px }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr));
  gap: 14px; margin-bottom: 26px }
.card { border: 1px solid var(--rule); border-radius: 6px; background: var(--raised);
  padding: 11px 14px 10px; font-size: 13px }
.card:target, .references div:target { border-color: var(--link);
  box-shadow: 0 0 0 1px var(--link) }
.card h3 { display: flex; justify-content: space-between; gap: 10px; align-items: baseline }
.card h3 code { font-weight: 400; font-size: 11.5px; color: var(--dim); white-space: nowrap }
.card p { margin: 5px 0 }
.quote { font-style: italic }
.quote .verdict { font-style: normal }
.changes { margin: 6px 0; font-size: 12.5px }
.changes th { text-align: left; font-weight: 400; padding: 1px 12px 1px 0; color: var(--dim);
  vertical-align: top }
.changes td { padding: 1px 0; overflow-wrap: anywhere }
.changes b { font-weight: 600 }
.changes s { color: var(--dim) }
.references { margin: 6px 0 0; display: grid; gap: 6px 28px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr)); font-size: 13.5px }
.references div { padding: 4px 8px; border: 1px solid transparent; border-radius: 4px }
.references dt { font-weight: 600 }
.references dd { margin: 0; color: var(--dim) }
#notes { font-size: 13.5px; max-width: 84ch; padding-bottom: 60px }
#notes p { margin: 0 0 8px }

@media (max-width: 720px) {
  :root { --label: 6.6rem }
  header, main { padding: 0 14px }
  header { padding-top: 18px; display: block }
  h1 { font-size: 23px }
  nav { margin-top: 6px }
  nav a { margin: 0 14px 0 0 }
  .lead { display: block }
  .facts { border-left: 0; border-top: 1px solid var(--rule); padding: 10px 0 0; margin-top: 14px }
  .ablation th.row { min-width: 112px; max-width: 128px; font-size: 12.5px }
  .listen th.row { padding: 5px 6px; font-size: 12px }
  .listen th.row .verdict { white-space: normal }
}
@media print {
  .scroll { overflow: visible; max-height: none; border: 0 }
  .seeds, .keys, nav, .player { display: none }
  .card { break-inside: avoid }
}
"""
