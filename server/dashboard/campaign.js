// SPDX-License-Identifier: Apache-2.0
'use strict';

kw.pages.campaigns = async () => {
  const { rows } = await kw.data.load(['campaigns']);
  return [kw.el('h1', {}, 'Campaigns'), kw.table('Campaigns, newest first',
    ['campaign', 'task', 'device', 'state', kw.right('evaluations'), 'best', 'timing', kw.right('USD'),
      'proposer', 'strategy', 'started', 'stopped by'],
    [...rows].reverse().map((row) => [kw.link(['campaigns', row.name], row.name),
      kw.link(['tasks', row.task], row.task), row.device,
      kw.el('span', { class: 'state ' + (row.state === 'running' ? 'running' : '') }, row.state),
        kw.count(row.evaluations),
      row.best ? [kw.ratio(row.best.speedup, row.best.ci95), ' ', kw.kernel(row.best.kernel)] : null,
      row.best ? kw.timing(row.best.timing) : null, kw.usd(row.usd), row.proposer, row.strategy, kw.when(row.started),
        row.stop_reason]),
    { empty: 'no campaign in this database yet: kwright run TASK' })];
};

kw.campaign = (() => {
  const units = [['eval', 'evaluations'], ['usd', 'USD'], ['tokens', 'tokens'], ['seconds', 'wall time (s)'],
    ['judge_seconds', 'judging (s)']];
  let unit = 'eval';

  const at = (attempt) => (unit === 'eval' ? attempt.eval : attempt.spent[unit]);

  /** Best speed-up over what was spent: a staircase a kind of timing, dots for other kernels, ticks for failures. */
  const curveConfig = (page) => {
    const last = page.attempts.length > 0 ? at(page.attempts[page.attempts.length - 1]) : 0;
    const stairs = Object.entries(page.curves).map(([kind, points]) => {
      const look = kw.charts.kinds[kind];
      const data = points.map((point) => ({ x: point[unit], y: point.speedup, point }));
      const dots = data.length;
      data.push({ x: last, y: data[dots - 1].y, point: points[dots - 1] });
      return kw.charts.scatter('best so far, ' + kind, data, look.color,
        { type: 'line', showLine: true, stepped: 'before',
        borderDash: look.dash, borderWidth: 2, ci: points.map((point) => point.ci95),
        pointRadius: data.map((ignored, i) => (i < dots ? 4 : 0)) });
    });
    const others = (kind) => page.attempts
      .filter((attempt) => attempt.speedup && !attempt.best && attempt.timing === kind)
      .map((attempt) => ({ x: at(attempt), y: attempt.speedup.value, attempt }));
    // Room for the intervals, unless one is so wide that it would press the rest flat.
    const highest = Object.values(page.curves).flat()
      .reduce((most, point) => Math.max(most, Math.min(point.ci95[1] || 0, 2 * point.speedup)), 1.1);
    const failed = page.attempts.filter((attempt) => attempt.verdict !== 'AC').map((attempt) => ({ x: at(attempt),
      y: 0.03, attempt }));
    return {
      data: {
        datasets: [...stairs,
          ...['measured', 'modelled'].map((kind) => kw.charts.scatter('other kernels, ' + kind, others(kind), 'dim',
            { pointRadius: 2.5 }))
            .filter((dataset) => dataset.data.length > 0),
          kw.charts.scatter('not accepted', failed, 'bad',
            { yAxisID: 'ticks', pointStyle: 'line', rotation: 90, pointRadius: 5, borderWidth: 1 })],
      },
      options: {
        scales: {
          x: { type: 'linear', ...kw.charts.axis(units.find(([key]) => key === unit)[1],
            { beginAtZero: true, ticks: unit === 'eval' || unit === 'tokens' ? { precision: 0 } : {} }) },
          y: kw.charts.axis('speed-up', { beginAtZero: true, suggestedMax: highest }),
          ticks: { display: false, min: 0, max: 1 },
        },
        plugins: { one: { at: true }, ...kw.tooltip((raw) => {
          const it = raw.attempt || raw.point;
          return '#' + it.eval + ' ' + kw.short(it.kernel) + ' ' + (raw.point ? kw.times(it.speedup)
            : it.verdict + (it.speedup ? ' ' + kw.times(it.speedup.value) : ''));
        }) },
      },
    };
  };

  const curve = (page, again) => {
    const rows = Object.entries(page.curves).flatMap(([kind, points]) => points.map((point) => [String(point.eval),
      kw.kernel(point.kernel),
      kw.ratio(point.speedup, point.ci95), kw.timing(kind), kw.usd(point.usd), kw.count(point.tokens),
        kw.seconds(point.seconds)]));
    const spent = page.attempts.length > 0 ? page.attempts[page.attempts.length - 1].spent : {};
    const offered = units.filter(([key]) => key === 'eval' || spent[key] > 0);
    if (!offered.some(([key]) => key === unit)) unit = 'eval';
    return [kw.choice('unit', 'Speed-up over', offered, unit, (chosen) => { unit = chosen; again(); }),
      kw.charts.figure('curve', 'Best speed-up over ' + units.find(([key]) => key === unit)[1],
        () => curveConfig(page),
        kw.table('New bests', ['evaluation', 'kernel', kw.right('speed-up'), 'timing', kw.right('USD'),
          kw.right('tokens'), kw.right('wall time')], rows),
        'speed-up = fastest baseline / kernel, with 95 % intervals; a new best has the higher lower end; wall time ' +
        'counts pauses between sessions')];
  };

  /** Verdicts by twentieths of the campaign. */
  const mix = (page) => {
    const size = Math.max(1, Math.ceil(page.attempts.length / 20));
    const bins = Array.from({ length: Math.ceil(page.attempts.length / size) },
      (ignored, i) => page.attempts.slice(i * size, (i + 1) * size));
    const label = (i) => (size === 1 ? String(i) : i * size + '-' + (i * size + bins[i].length - 1));
    const codes = [...new Map(page.attempts.map((attempt) => [attempt.verdict, attempt.verdict_name]))]
      .sort(([a], [b]) => (a === 'AC' ? -1 : b === 'AC' ? 1 : a < b ? -1 : 1));
    const count = (bin, code) => bin.filter((attempt) => attempt.verdict === code).length;
    const palette = ['good', 'bad', 'early', 'measured', 'modelled', 'ours', 'dull', 'dim'];
    return kw.charts.figure('mix', 'Verdicts over the campaign',
      () => ({
        type: 'bar',
        data: {
          labels: bins.map((ignored, i) => label(i)),
          datasets: codes.map(([code, name], i) => ({ label: code + ' ' + name,
            data: bins.map((bin) => count(bin, code)),
            backgroundColor: kw.charts.colour(code === 'AC' ? 'good' : palette[1 + (i % (palette.length - 1))]) })),
        },
        options: { scales: { x: { stacked: true, ...kw.charts.axis('evaluations') },
          y: { stacked: true, ...kw.charts.axis('attempts', { ticks: { precision: 0 } }) } } },
      }),
      kw.table('Verdicts', ['verdict', 'meaning', kw.right('attempts')],
        codes.map(([code, name]) => [kw.verdict(code, name), name, kw.count(count(page.attempts, code))])));
  };

  const attempts = (page) => kw.details('attempts', 'All ' + page.attempts.length + ' attempts', kw.table('Attempts',
    ['#', 'kernel', 'parent', 'verdict', kw.right('speed-up'), 'timing',
      kw.right('max error', 'as a fraction of what is allowed'), 'model', 'what was tried', 'what came of it'],
    page.attempts.map((attempt) => [String(attempt.eval), kw.kernel(attempt.kernel), attempt.parent
      ? kw.kernel(attempt.parent) : null,
      kw.verdict(attempt.verdict, attempt.verdict_name, attempt.state), attempt.speedup
        ? kw.ratio(attempt.speedup.value, attempt.speedup.ci95) : null,
      attempt.speedup ? kw.timing(attempt.timing) : null, attempt.max_error === null
        ? null : kw.figure3(attempt.max_error), attempt.model,
      attempt.note, attempt.summary])));

  const bests = (page) => kw.table('Bests, the last one first', ['#', 'kernel', kw.right('speed-up'),
    kw.right('worst shape'), kw.right('vs naive'), kw.right('SOL'), 'timing', 'first judging', 'what was tried'],
  page.attempts.filter((attempt) => attempt.best).reverse().map((attempt) => [String(attempt.eval),
    kw.kernel(attempt.kernel),
    kw.ratio(attempt.speedup.value, attempt.speedup.ci95), kw.times(attempt.speedup.min),
      kw.times(attempt.speedup.vs_naive),
    kw.percent(attempt.speedup.sol), kw.timing(attempt.timing),
    attempt.first ? (attempt.first.speedup ? kw.ratio(attempt.first.speedup.value,
      attempt.first.speedup.ci95) : attempt.first.verdict) : null,
    attempt.note]), { empty: 'no kernel was accepted yet' });

  const limit = (value, most, show) => show(value) + (most > 0 ? ' of ' + show(most) : '');

  const spend = (page) => {
    const last = page.attempts.length > 0 ? page.attempts[page.attempts.length - 1].spent : { judge_seconds: 0 };
    const limits = page.limits || {};
    return [kw.facts([['evaluations', limit(page.evaluations, limits.evaluations, kw.count)],
      ['USD', limit(page.usd, limits.usd, kw.usd)],
      ['tokens', limit(page.tokens.in + page.tokens.out, limits.tokens, kw.count)],
      ['wall time', page.active_seconds === null ? null : limit(page.active_seconds, limits.seconds, kw.seconds)],
      ['judging', limit(last.judge_seconds, limits.judge_seconds, kw.seconds)]]),
    page.calls.length === 0 ? null : kw.table('Model calls', ['model', 'for', kw.right('calls'), kw.right('lost'),
      kw.right('in flight'), kw.right('tokens in'), kw.right('of them cached'),
      kw.right('tokens out'), kw.right('USD')],
    page.calls.map((row) => [row.model, row.purpose, kw.count(row.settled), kw.count(row.lost), kw.count(row.open),
      kw.count(row.tokens.in),
      kw.count(row.tokens.cached), kw.count(row.tokens.out), kw.usd(row.usd)]))];
  };

  const page = (doc, again) => [
    kw.el('h1', {}, doc.campaign),
    kw.facts([['task', kw.linked('tasks', doc.task)],
      ['device', doc.device], ['state', doc.state + (doc.stop_reason ? ' (' + doc.stop_reason + ')' : '')],
      ['proposer', doc.proposer], ['strategy', doc.strategy], ['started', kw.when(doc.started)],
        ['updated', kw.when(doc.updated)]]),
    kw.section('Progress', curve(doc, again), bests(doc)),
    kw.section('Attempts', mix(doc), kw.tree(doc.attempts), attempts(doc)),
    kw.section('Spend', spend(doc)),
    kw.section('Circumstances', kw.table('Where it was judged',
      ['device', 'timing', 'compiler', 'sandbox', 'protocol'],
      doc.environments.map((row) => [row.device, kw.timing(row.timing), row.compiler, row.sandbox, row.protocol])),
    kw.el('h3', {}, 'The command that made it'), kw.command(doc.command))];

  return { page };
})();

/** Live while the campaign runs: events go to the line at the top, and the page is drawn again, the more seldom the longer
 *  that takes. */
kw.pages.campaign = async ([name], query, view) => {
  const doc = await kw.data.load(['campaigns', name]);
  if (!kw.data.still && !view.following && doc.state === 'running') {
    view.following = true;
    let waiting = null;
    kw.data.follow(name, (event) => {
      if (event && event.type !== 'stage' && !(event.t <= doc.updated)) {
        view.say([event.type, event.candidate && kw.short(event.candidate), event.verdict,
          event.speedup && kw.times(event.speedup), event.text]
          .filter(Boolean).join(' '));
      }
      const pause = Math.max(1500, 10 * view.took);
      waiting = waiting || setTimeout(() => { waiting = null; view.refresh(); }, pause);
    }, view.signal);
  }
  return kw.campaign.page(doc, view.refresh);
};
