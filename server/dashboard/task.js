// SPDX-License-Identifier: Apache-2.0
'use strict';

kw.pages.tasks = async () => {
  const { tasks } = await kw.data.load(['tasks']);
  const best = (task, kind) => {
    const row = task.best.filter((each) => each.timing === kind).reduce((top,
      each) => (!top || each.speedup > top.speedup ? each : top), null);
    return row ? [kw.ratio(row.speedup, row.ci95), ' ', kw.kernel(row.kernel)] : null;
  };
  return [kw.el('h1', {}, 'Tasks'), kw.table('Tasks', ['task', 'title', 'targets', kw.right('cases'),
    kw.right('timed'),
    'best measured', 'best modelled', kw.right('campaigns')],
  tasks.map((task) => [kw.link(['tasks', task.name], task.name), task.error
    ? 'cannot be read: ' + task.error : task.title || 'its folder is not here',
    task.targets.join(', '), kw.count(task.cases), kw.count(task.timed), best(task, 'measured'),
      best(task, 'modelled'), kw.count(task.campaigns)]))];
};

/** Error against speed-up: which kernels no other one beats in both. */
kw.pareto = (kernels) => {
  const points = (kind) => kernels.filter((row) => row.timing === kind && row.max_error !== null && row.speedup > 0)
    .map((row) => ({ x: row.max_error, y: row.speedup, row }));
  const kinds = ['measured', 'modelled'].filter((kind) => points(kind).length > 0);
  if (kinds.length === 0) return null;
  return kw.charts.figure('pareto', 'Accuracy and speed',
    () => ({
      data: {
        datasets: kinds.flatMap((kind) => [
          kw.charts.scatter('kernels, ' + kind, points(kind), kw.charts.kinds[kind].color),
          kw.charts.scatter('Pareto front, ' + kind, kw.charts.front(points(kind)), kw.charts.kinds[kind].color,
            { type: 'line', showLine: true, stepped: 'before', pointRadius: 0, borderWidth: 1.5,
              borderDash: kw.charts.kinds[kind].dash })]),
      },
      options: {
        scales: { x: { type: 'linear', ...kw.charts.axis('highest error, as a fraction of what is allowed',
          { min: 0, suggestedMax: 1 }) },
          y: kw.charts.axis('speed-up', { beginAtZero: true }) },
        plugins: { one: { at: true },
          ...kw.tooltip((raw) => kw.short(raw.row.kernel) + ' ' + kw.times(raw.y) + ', error ' + kw.figure3(raw.x)) },
      },
    }),
    kw.table('Accuracy and speed', ['kernel', kw.right('highest error'), kw.right('speed-up'), 'timing'],
      kinds.flatMap((kind) => points(kind).map((point) => [kw.kernel(point.row.kernel), kw.figure3(point.x),
        kw.ratio(point.row.speedup, point.row.ci95), kw.timing(kind)]))),
    'tasks that ask for exact results have all kernels at error 0');
};

kw.pages.task = async ([name]) => {
  const task = await kw.data.load(['tasks', name]);
  const { definition } = task;
  const baselines = (rows, caption) => (rows.length === 0
    ? null : kw.table(caption, ['name', 'file', 'needs', 'links'],
    rows.map((row) => [row.name, row.file, row.isa, row.link.join(', ')])));
  const described = () => kw.section('Contract',
    kw.el('pre', { class: 'prose', tabindex: 0 }, definition.summary),
    kw.facts([['source', definition.source], ['targets', definition.targets.join(', ')],
      ['hidden cases', kw.count(definition.hidden_cases)],
      ['a judgement takes at most', kw.seconds(definition.judge_cap_s)], ['hash', definition.hash]]),
    kw.table('Arguments', ['name', 'type', 'role', 'shape', 'compared', 'layout'],
      definition.args.map((arg) => [arg.name, arg.dtype, arg.role, '[' + arg.shape.join(', ') + ']', arg.tolerance,
        arg.layout])),
    kw.table('Dimensions', ['name', kw.right('least'), kw.right('most'), kw.right('multiple of'), 'what'],
      definition.dims.map((dim) => [dim.name, kw.count(dim.min), kw.count(dim.max), kw.count(dim.multiple_of),
        dim.about])),
    kw.table('Cases', ['case', 'dims', 'distribution', 'timed', kw.right('operations'), kw.right('bytes')],
      definition.cases.map((each) => [each.case, kw.dims(each.dims), each.distribution, each.timed ? 'yes' : null,
        each.flop ? kw.count(each.flop) : null, each.bytes ? kw.count(each.bytes) : null])),
    baselines(definition.baselines, 'Baselines'), baselines(definition.cuda_baselines, 'Baselines of target cuda'));
  return [
    kw.el('h1', {}, task.task),
    kw.el('p', {}, definition
      ? definition.title : 'The task\'s folder is not here: only what the database knows of it is shown.'),
    kw.section('Kernels', kw.pareto(task.kernels), kw.boardTables(task.kernels, { maxError: true })),
    kw.section('Floors and baselines', kw.table('Of each device, from the judging of its best kernel',
      ['shape', 'dims', 'timing', kw.right('floor', 'least physically possible'), kw.right('best kernel'),
        kw.right('fastest baseline'), 'which', kw.right('naive'), 'device'],
      task.floors.map((row) => [row.case, kw.dims(row.dims), kw.timing(row.timing), kw.time(row.floor_ns),
        kw.time(row.best_ns),
        kw.time(row.baseline_ns), row.baseline, kw.time(row.naive_ns), row.device]))),
    task.campaigns.length === 0 ? null : kw.section('Campaigns', kw.el('ul', {}, task.campaigns.map((campaign) =>
      kw.el('li', {}, kw.linked('campaigns', campaign))))),
    definition ? described() : null,
  ];
};
