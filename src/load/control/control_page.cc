#include "load/control/control_page.h"

namespace utakata::load {

const std::string_view control_page = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>utakata load</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  table { border-collapse: collapse; margin: 1rem 0 }
  th, td { text-align: right; padding: .1rem .8rem; font-variant-numeric: tabular-nums }
  th:first-child, td:first-child { text-align: left; padding-left: 0 }
  progress { width: 100% } button { font: inherit; margin-right: .5rem }
  .bad { color: #c33 }
</style>
<h1 id="file"></h1><p id="plan"></p><p id="state"></p><progress id="bar" max="1"></progress>
<p><button data-order="pause">Pause</button><button data-order="resume">Resume</button
><button data-order="fewer">10 % fewer</button><button data-order="more">10 % more</button
><button data-order="stop">Stop</button></p>
<p class="bad" id="trouble"></p>
<table id="trends"></table><table id="counts"></table><ul id="thresholds"></ul>
<script>
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const at = (id) => document.getElementById(id);
  const number = (value) => value == null ? '-' : Number(value.toPrecision(4)).toLocaleString('en');
  let factor = 1;
  const row = (cells, kind = 'td') => {
    const line = document.createElement('tr');
    for (const textContent of cells)
      line.append(Object.assign(document.createElement(kind), { textContent }));
    return line;
  };
  function show(s) {
    factor = s.factor;
    at('file').textContent = s.file;
    at('plan').textContent = s.plan;
    const wanted = s.users_wanted == null ? '' : ` of ${number(s.users_wanted)}`;
    const phase = s.is_paused ? 'paused' : s.phase;
    at('state').textContent = `${phase}, ${Math.round(s.elapsed_s)} s, ` +
      `${number(s.users)}${wanted} users, ${number(s.sockets)} sockets` +
      `${factor === 1 ? '' : `, x ${number(factor)}`}`;
    at('bar').hidden = !s.planned_s;
    if (s.planned_s) at('bar').value = s.plan_time_s / s.planned_s;
    const times = (one) => `${number(one.count)} x ${one.what} ${one.at ?? ''}`;
    at('trouble').textContent =
      [...s.doubts, ...s.errors.map(times), ...s.faults.slice(0, 3).map(times)].join(' · ');
    const words = ['med', 'p(95)', 'p(99)', 'max'], all = Object.entries(s.metrics);
    at('trends').replaceChildren(row(['ms, last 10 s', ...words, 'in all: p(95)'], 'th'),
      ...all.filter(([, one]) => one.all_ms).map(([name, one]) =>
        row([name, ...words.map((word) => number(one.recent_ms?.[word])),
          number(one.all_ms['p(95)'])])));
    at('counts').replaceChildren(row(['', 'in all', 'a second'], 'th'),
      ...all.filter(([, one]) => 'per_s' in one).map(([name, one]) =>
        row([name, number(one.count), number(one.per_s)])));
    at('thresholds').replaceChildren(...s.thresholds.map(({ is_kept, because }) =>
      Object.assign(document.createElement('li'),
        { textContent: `${is_kept ? '✓' : '✗'} ${because}`, className: is_kept ? '' : 'bad' })));
  }
  async function ask(path, method = 'GET') {
    try {
      const answer = await fetch(path, { method, headers });
      const json = await answer.json();
      if (answer.ok) show(json);
      else at('trouble').textContent = json.detail;
    } catch {
      at('trouble').textContent = 'The run does not answer any more: it may be over.';
    }
  }
  document.addEventListener('click', ({ target: { dataset: { order } } }) => {
    const step = { more: 0.1, fewer: -0.1 }[order];
    if (step) ask(`/more?factor=${Math.max(0, factor + step).toFixed(3)}`, 'POST');
    else if (order) ask(`/${order}`, 'POST');
  });
  setInterval(ask, 1000, '/status');
  ask('/status');
</script>
)";

}  // namespace utakata::load
