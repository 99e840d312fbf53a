"""Template of the page (Jinja2, everything escaped)."""

HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
<style>
{{ css }}</style>
<noscript><style>.take[hidden] { display: block } .seeds, .keys { display: none }</style></noscript>
</head>
<body>
<a class="skip" href="#table">Skip to the table</a>
<header>
<p class="house">Melablate</p>
<h1>{{ title }}</h1>
<nav aria-label="Sections"><a href="#table">Table</a> <a href="#listen">Listen</a>
<a href="#rows">Rows</a> <a href="#notes">Notes</a></nav>
</header>

<main>
<section class="lead">
<p class="guide">Every <em>arm</em> is the baseline with its named settings changed, trained with
{{ seeds|length }} {{ "seed" if seeds|length == 1 else "seeds" }} and asked for the same
{{ prompts_total }} prompts from the same noise. Beside what the seed project
<em>claimed</em> stands what was <em>measured</em>: the effect on
{{ primary.name }} against the baseline, its {{ confidence }} interval, and a verdict where the
effect is clear of zero after correction over all rows. Reference rows frame the scale: the
untuned base is its floor; real audio, and real audio through the codec and the autoencoder, are
its ceilings. A claim is held against the figure that it is about, where there is one. Then
listen: the ear may disagree.</p>
<dl class="facts">
{% for name, value in facts %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}</dl>
</section>

<section id="table" aria-labelledby="h-table">
<h2 id="h-table">Claimed and measured</h2>
<p class="tally">{% for count, verdict in tally -%}
<span class="verdict {{ verdict.kind }}">{{ count }} {{ verdict.words }}</span>
{% endfor %}{% if claims %}<span class="dim">{{ claims }}</span>{% endif %}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Ablation table">
<table class="ablation">
<thead>
<tr>
<th scope="col" rowspan="2" class="row">{{ sorter("Row") }}</th>
<th scope="col" rowspan="2">{{ sorter("Claimed") }}</th>
<th scope="col" rowspan="2">{{ sorter("Measured") }}</th>
<th scope="colgroup" colspan="3" class="group first">{{ primary.name }} <span class="dim"
>{{ primary.better }}</span></th>
{% if trained %}<th scope="colgroup" colspan="2" class="group">training</th>
{% endif %}{% for column in others %}<th scope="colgroup" colspan="2" class="group"
>{{ column.name }} <span class="dim">{{ column.better }}</span></th>
{% endfor %}</tr>
<tr>
<th scope="col" class="num first">{{ sorter("level") }}</th>
<th scope="col" class="num">{{ sorter("effect") }}</th>
<th scope="col" class="plot">{{ primary.axis }}<span class="sr">interval</span></th>
{% if trained %}<th scope="col" class="num first">{{ sorter("steps") }}</th>
<th scope="col" class="num">{{ sorter("time") }}</th>
{% endif %}{% for column in others %}<th scope="col" class="num first">{{ sorter("level") }}</th>
<th scope="col" class="plot"><span class="sr">effect</span>{{ column.axis }}</th>
{% endfor %}</tr>
</thead>
{% for group in groups %}<tbody class="{{ group.kind }}">
{% for row in group.rows %}<tr>
<th scope="row" class="row" data-sort="{{ loop.index }}"><a href="#row-{{ row.name }}"
>{{ row.label }}</a></th>
<td data-sort="{{ row.claim.order }}" title="{{ row.claim_words }}">{{ mark(row.claim) }}
{% if row.outcome %}<span class="agreement">{{ row.outcome }}</span>{% endif %}</td>
<td data-sort="{{ row.verdict.order }}">{{ mark(row.verdict) }}
{%- if row.primary.blind %} <span class="dagger" title="{{ row.primary.words }}">†</span>
{%- endif %}</td>
<td class="num first" data-sort="{{ row.primary.level_sort }}">{{ row.primary.level }}</td>
<td class="num" data-sort="{{ row.primary.effect_sort }}">{{ row.primary.effect }}</td>
<td class="plot" title="{{ row.primary.words }}">{{ row.primary.drawing }}<span class="sr"
>{{ row.primary.words }}</span></td>
{% if trained %}<td class="num first" data-sort="{{ row.steps }}"
 title="{{ row.length }}">{{ row.steps }}</td>
<td class="num" data-sort="{{ row.ratio_sort }}" title="{{ row.time }}">{{ row.ratio }}</td>
{% endif %}{% for cell in row.others %}<td class="num first" data-sort="{{ cell.level_sort }}">
{{- cell.level }}</td>
<td class="plot" data-sort="{{ cell.effect_sort }}" title="{{ cell.title }}">{{ cell.drawing }}
{%- if cell.told %}<b class="told {{ cell.verdict.kind }}">{{ cell.verdict.words }}</b>
{%- endif %}<span class="sr">{{ cell.words }}</span></td>
{% endfor %}</tr>
{% endfor %}</tbody>
{% endfor %}</table>
</div>
<p class="key"><span class="verdict improved">improved</span>
<span class="verdict worse">worse</span>
<span class="verdict none">no difference shown</span>
<span><i class="swatch blind"></i> effects in the grey band are smaller than what this
study would have seen in {{ power }} of cases</span> <span>an arrow: beyond the drawing</span></p>
</section>

<section id="listen" aria-labelledby="h-listen">
<h2 id="h-listen">Listen</h2>
<div class="bar">
<p>Down a column every generated clip has the same prompt and began from the same noise, so
what differs is the row. {{ picture }}</p>
{% if seeds|length > 1 %}<fieldset class="seeds"><legend>Training seed</legend>
{% for seed in seeds %}<label><input type="radio" name="seed" value="{{ seed }}"
{%- if loop.first %} checked{% endif %}><span>{{ seed }}</span></label>{% endfor %}
</fieldset>{% endif %}
</div>
<p class="keys dim">Click a spectrogram to play from there. On a play button,
<kbd>↑</kbd> <kbd>↓</kbd> go to the next row at the same moment, <kbd>←</kbd> <kbd>→</kbd>
move by half a second.</p>
<div class="scroll grid" tabindex="0" role="region" aria-label="Samples">
<table class="listen" style="--columns: {{ prompts|length }}">
<thead><tr><th scope="col" class="row"><span class="sr">Row</span></th>
{% for prompt in prompts %}<th scope="col"><span class="count">{{ loop.index }}</span>
<span class="prompt" title="{{ prompt.text }}">{{ prompt.text }}</span></th>
{% endfor %}</tr></thead>
{% for group in groups %}<tbody class="{{ group.kind }}">
{% for row in group.rows %}<tr>
<th scope="row" class="row"><a href="#row-{{ row.name }}">{{ row.label }}</a>
{% if row.verdict.words %}{{ mark(row.verdict) }}{% endif %}</th>
{% for prompt, takes in row.takes %}{% set column = loop.index %}<td>
{% for take in takes %}<div class="take"{% if take.varies %} data-seed="{{ take.seed }}"
{%- if not take.first %} hidden{% endif %}{% endif %}>
{% if take.image %}<div class="spectrogram"><img src="{{ take.image }}" loading="lazy"
 decoding="async" alt="Spectrogram: {{ row.label }}, prompt {{ column }}{{ take.of_seed }}"
><i></i></div>
<audio controls preload="none" src="{{ take.audio }}" data-seconds="{{ take.seconds }}"
 aria-label="{{ row.label }}, prompt {{ column }}{{ take.of_seed }}"></audio>
{% else %}<p class="missing">{{ take.missing }}</p>
{% endif %}</div>
{% endfor %}</td>
{% endfor %}</tr>
{% endfor %}</tbody>
{% endfor %}</table>
</div>
{% if prompts|length < prompts_total %}<p class="dim">The first {{ prompts|length }} of
{{ prompts_total }} prompts; <code>report.prompts_shown</code> shows more.</p>{% endif %}
</section>

<section id="rows" aria-labelledby="h-rows">
<h2 id="h-rows">Row by row</h2>
{% if trained %}<p class="dim">Training loss by step, one line a seed, on axes common to all
rows (the loss on a logarithmic scale); pale: the baseline. Losses of another kind or weighting
have another scale: compare their course, not their height.</p>{% endif %}
<div class="cards">
{% for row in trained_rows %}<article id="row-{{ row.name }}" class="card">
<h3>{{ row.label }} <code>{{ row.name }}</code></h3>
{{ row.curves }}
{% if row.verdict.words %}<p>{{ mark(row.verdict) }}
<span class="dim">{{ row.primary.words }}</span></p>{% endif %}
{% if row.claim_words %}<p class="quote"><span class="dim">Claimed:</span> “{{ row.claim_words }}”
{{ mark(row.claim) }}{% if row.outcome %} <span class="dim">{{ row.outcome }}</span>{% endif %}</p>
{%- endif %}
{% if row.changes %}<table class="changes"><caption class="sr">What it changes</caption>
{% for key, old, new in row.changes %}<tr><th scope="row"><code>{{ key }}</code></th>
<td>{% if old is not none %}<s>{{ old }}</s> → {% endif %}<b>{{ new }}</b></td></tr>
{% endfor %}</table>
{% elif row.kind == "baseline" %}<p class="dim">What every arm is compared with.</p>{% endif %}
{% if row.facts %}<p class="dim">{{ row.facts }}{% if row.time %} · {{ row.time }}{% endif %}</p>
{%- endif %}
</article>
{% endfor %}</div>
{% if fixed_rows %}<h3>Reference rows</h3>
<dl class="references">
{% for row in fixed_rows %}<div id="row-{{ row.name }}"><dt>{{ row.label }}</dt>
<dd>{{ row.about }}</dd></div>
{% endfor %}</dl>{% endif %}
</section>

<section id="notes" aria-labelledby="h-notes">
<h2 id="h-notes">Notes</h2>
{% if checks %}<ul class="checks">{% for verdict, text in checks %}<li>{{ mark(verdict) }}
{{ text }}</li>
{% endfor %}</ul>{% endif %}
{% for note in notes %}<p>{{ note }}</p>
{% endfor %}</section>
</main>
<script>
{{ js }}</script>
</body>
</html>
"""

MACROS = """\
{% macro mark(verdict) %}{% if verdict.words %}<span class="verdict {{ verdict.kind }}">
{{- verdict.words }}</span>{% else %}<span class="dim">–</span>{% endif %}{% endmacro %}
{% macro sorter(name) %}<button type="button" class="sort">{{ name }}</button>{% endmacro %}
"""
