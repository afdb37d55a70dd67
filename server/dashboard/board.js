// SPDX-License-Identifier: Apache-2.0
'use strict';

/** Rows of one kind of timing, with their own summary: the two are never ranked together. */
kw.boardTable = (rows, kind, options = {}) => {
  const best = new Map();
  for (const row of rows) best.set(row.task, Math.max(best.get(row.task) || 0, row.speedup || 0));
  const values = [...best.values()].filter((value) => value > 0);
  const mean = Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / Math.max(1, values.length));
  const above = (limit) => values.filter((value) => value > limit).length + '/' + values.length;
  const extra = options.maxError ? [kw.right('max error', 'as a fraction of what is allowed')] : [];
  return [kw.table(kind === 'modelled' ? 'Modelled on emulated devices, not measured' : 'Measured',
    ['kernel', 'task', kw.right('speed-up'), 'comparison', kw.right('worst shape'),
      kw.right('vs naive'), kw.right('SOL', 'share of the roof that is reached'), ...extra,
      kw.right('lines'), 'device', 'isa', 'campaign', 'by', 'date'],
    rows.map((row) => [kw.kernel(row.kernel), options.maxError ? row.task : kw.linked('tasks', row.task),
      kw.ratio(row.speedup, row.ci95), row.comparison,
      kw.times(row.min_speedup),
      kw.times(row.vs_naive), kw.percent(row.sol), ...(options.maxError
        ? [row.max_error === null ? null : kw.figure3(row.max_error)] : []),
      kw.count(row.loc), kind === 'modelled' ? row.device_id : row.device,
      row.isa, kw.data.has('campaigns', row.campaign) ? kw.link(['campaigns', row.campaign],
        row.campaign) : row.campaign, row.model, kw.when(row.at)]),
    { empty: 'no accepted kernel' }),
  values.length > 1 && !options.maxError ? kw.el('p', { class: 'note' },
    'fast_1 ' + above(1) + ', fast_1.5 ' + above(1.5) +
    ', geometric mean of bests ' + kw.times(mean) + ' over ' + values.length + ' tasks with a kernel (' + kind +
    ')') : null];
};

kw.boardTables = (rows, options) => ['measured', 'modelled'].map((kind) => {
  const own = rows.filter((row) => row.timing === kind);
  return own.length > 0 || (kind === 'measured' && rows.length === 0) ? kw.boardTable(own, kind, options) : null;
});

kw.pages.board = async (parts, query, view) => {
  const most = 1000;
  const { rows } = await kw.data.load(['board'], { all: query.all, limit: String(most) });
  const offered = (key) => [['', 'all'], ...[...new Set(rows.map((row) => row[key]))].sort().map((value) => [value,
    value])];
  const filters = [['task', 'Task'], ['device', 'Device'], ['isa', 'Made for'], ['timing', 'Timing'],
    ['campaign', 'Campaign'], ['model', 'By']];
  const kept = rows.filter((row) => filters.every(([key]) => !query[key] || row[key] === query[key]));
  const choose = (key) => (value) => view.go(['board'], { ...query, [key]: value });
  return [
    kw.el('h1', {}, 'Board'),
    kw.el('form', { class: 'filters', 'aria-label': 'Filters', onsubmit: (event) => event.preventDefault() },
      filters.map(([key, label]) => kw.choice('filter-' + key, label, offered(key), query[key] || '', choose(key))),
      kw.data.still ? null : kw.choice('filter-all', 'Show',
        [['', 'the best of each task'], ['1', 'all accepted']],
        query.all || '', choose('all'))),
    kw.el('p', { class: 'note' },
      kept.length + ' of ' + rows.length + ' rows, by the lower end of the interval; ' +
        'speed-up = fastest baseline / kernel' +
        (rows.length >= most ? '; more than ' + most + ' rows: the others are not here' : '')),
    kw.boardTables(kept),
  ];
};
