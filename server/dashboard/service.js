// SPDX-License-Identifier: Apache-2.0
// Queue, workers and spend: what a server knows and a file does not.
'use strict';

kw.service = (() => {
  const text = (value) => (value === null || value === undefined ? null : Array.isArray(value)
    ? value.map(text).join(', ')
    : typeof value === 'object' ? Object.entries(value).map(([key, each]) => key + ' ' + text(each)).join(', ')
      : typeof value === 'number' ? kw.count(value) : String(value));
  const words = (key) => key.replace(/_/g, ' ');

  /** Any document of plain values and lists of rows, as the API gives it: fields may be added to it. */
  const shown = (doc) => {
    const lists = Object.entries(doc).filter(([,
      value]) => Array.isArray(value) && value.every((row) => row && typeof row === 'object'));
    const plain = Object.entries(doc).filter(([key,
      value]) => key !== 'schema' && !lists.some(([list]) => list === key) && value !== null);
    return [kw.facts(plain.map(([key, value]) => [words(key), text(value)])), ...lists.map(([key, rows]) => {
      const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 16);
      return kw.table(words(key), columns.map((column) => ({ text: words(column),
        right: rows.every((row) => typeof row[column] === 'number') })),
        rows.map((row) => columns.map((column) => (/^(kernel|candidate)(_hash)?$/.test(column) && row[column]
          ? kw.kernel(row[column])
          : text(row[column])))));
    })];
  };

  const every = (ms, view) => {
    if (view.following) return;
    view.following = true;
    const timer = setInterval(view.refresh, ms);
    view.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  };
  return { shown, every };
})();

kw.pages.queue = async (parts, query, view) => {
  const [queue, workers] = await Promise.all([kw.data.load(['queue']), kw.data.load(['workers'])]);
  kw.service.every(3000, view);
  return [kw.el('h1', {}, 'Queue and workers'), kw.section('Queue', kw.service.shown(queue)),
    kw.section('Workers', kw.service.shown(workers))];
};

kw.pages.spend = async () => {
  const { rows } = await kw.data.load(['campaigns']);
  const paid = rows.filter((row) => row.usd > 0).sort((a, b) => b.usd - a.usd).slice(0, 20);
  const sum = (value) => rows.reduce((total, row) => total + (value(row) || 0), 0);
  const table = (caption, some) => kw.table(caption, ['campaign', 'proposer', kw.right('USD'), kw.right('tokens in'),
    kw.right('tokens out'), kw.right('evaluations'), kw.right('USD / evaluation')],
  some.map((row) => [kw.link(['campaigns', row.name], row.name), row.proposer, kw.usd(row.usd),
    kw.count(row.tokens.in), kw.count(row.tokens.out),
    kw.count(row.evaluations), row.evaluations > 0 ? kw.usd(row.usd / row.evaluations) : null]));
  return [kw.el('h1', {}, 'Spend'),
    kw.facts([['USD', kw.usd(sum((row) => row.usd))], ['tokens in', kw.count(sum((row) => row.tokens.in))],
      ['tokens out', kw.count(sum((row) => row.tokens.out))],
        ['evaluations', kw.count(sum((row) => row.evaluations))], ['campaigns', kw.count(rows.length)]]),
    paid.length === 0 ? null : kw.charts.figure('spend', 'USD by campaign', () => ({
      type: 'bar',
      data: { labels: paid.map((row) => row.name), datasets: [{ label: 'USD', data: paid.map((row) => row.usd),
        backgroundColor: kw.charts.colour('measured'), maxBarThickness: 48 }] },
      options: { scales: { x: kw.charts.axis('campaign'), y: kw.charts.axis('USD', { beginAtZero: true }) } },
    }), table('The dearest', paid)),
    table('All campaigns, newest first', [...rows].reverse())];
};
