// SPDX-License-Identifier: Apache-2.0
// Charts by Chart.js, each with a table of the same data. Measured and modelled times are never one series.
'use strict';

kw.charts = (() => {
  let drawn = [];  // {chart, canvas, make}, of the page that is shown

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

  /** Intervals: dataset.ci holds [lo, hi] a point. */
  const whiskers = {
    id: 'whiskers',
    afterDatasetsDraw: (chart) => {
      const { ctx } = chart;
      chart.data.datasets.forEach((dataset, index) => {
        const meta = chart.getDatasetMeta(index);
        if (!dataset.ci || meta.hidden) return;
        const scale = chart.scales[meta.yAxisID];
        ctx.save();
        ctx.strokeStyle = dataset.whiskerColor || dataset.borderColor;
        ctx.lineWidth = 1.5;
        meta.data.forEach((point, i) => {
          const interval = dataset.ci[i];
          if (!interval || interval[0] === interval[1] || !interval.every(Number.isFinite)) return;
          const [low, high] = interval.map((value) =>
            Math.min(Math.max(scale.getPixelForValue(value), chart.chartArea.top), chart.chartArea.bottom));
          ctx.beginPath();
          ctx.moveTo(point.x, low);
          ctx.lineTo(point.x, high);
          for (const y of [low, high]) {
            ctx.moveTo(point.x - 4, y);
            ctx.lineTo(point.x + 4, y);
          }
          ctx.stroke();
        });
        ctx.restore();
      });
    },
  };

  /** A dashed line where speed-up is 1: as fast as the fastest baseline. */
  const one = {
    id: 'one',
    beforeDatasetsDraw: (chart) => {
      const scale = chart.scales.y;
      if (!chart.options.plugins.one || !chart.options.plugins.one.at || scale.min > 1 || scale.max < 1) return;
      const y = scale.getPixelForValue(1);
      chart.ctx.save();
      chart.ctx.strokeStyle = colour('dim');
      chart.ctx.setLineDash([4, 4]);
      chart.ctx.beginPath();
      chart.ctx.moveTo(chart.chartArea.left, y);
      chart.ctx.lineTo(chart.chartArea.right, y);
      chart.ctx.stroke();
      chart.ctx.restore();
    },
  };

  const axis = (title, more = {}) => ({
    title: { display: true, text: title, color: colour('text') },
    ticks: { color: colour('dim'), ...more.ticks },
    grid: { color: colour('rule') },
    ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'ticks')),
  });

  const draw = (entry) => {
    const config = entry.make();
    config.options = {
      animation: false, responsive: true, maintainAspectRatio: false, ...config.options,
      plugins: {
        legend: { labels: { color: colour('text'), usePointStyle: true, boxHeight: 7 } },
        ...(config.options && config.options.plugins),
      },
    };
    config.plugins = [whiskers, one];
    entry.chart = new Chart(entry.canvas, config);
  };

  /** A figure: title, chart, what to know about it, its data. `make` gives a Chart.js configuration. */
  const figure = (id, title, make, table, note) => {
    const canvas = kw.el('canvas', { role: 'img', 'aria-label': title + '; its data stand in the table below it' });
    const entry = { canvas, make, chart: null };
    drawn.push(entry);
    return kw.el('figure', {},
      kw.el('figcaption', {}, title),
      kw.el('div', { class: 'chart' }, canvas),
      note ? kw.el('p', { class: 'note' }, note) : null,
      kw.details(id + '-data', 'Data', table));
  };

  /** After the figures stand in the page (Chart.js asks for their size); those of the page before go. */
  const show = () => {
    for (const entry of drawn) {
      if (entry.chart && !entry.canvas.isConnected) entry.chart.destroy();
    }
    drawn = drawn.filter((entry) => entry.canvas.isConnected);
    drawn.filter((entry) => !entry.chart).forEach(draw);
  };

  const redraw = () => drawn.forEach((entry) => {
    entry.chart.destroy();
    draw(entry);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  const kinds = { measured: { color: 'measured', dash: [] }, modelled: { color: 'modelled', dash: [6, 3] } };

  const scatter = (label, data, color, more = {}) => ({
    type: 'scatter', label, data, backgroundColor: colour(color), borderColor: colour(color), pointRadius: 4, ...more,
  });

  /** Points that no other one beats in both: less error, more speed-up. */
  const front = (points) => {
    let best = 0;
    return [...points].sort((a, b) => a.x - b.x || b.y - a.y).filter((point) => {
      const better = point.y > best;
      best = Math.max(best, point.y);
      return better;
    });
  };

  return { figure, show, colour, axis, kinds, scatter, front };
})();

/** What a point says when the mouse is over it. */
kw.tooltip = (tell) => ({ tooltip: { callbacks: { label: (context) => tell(context.raw, context) } } });

/** Bars of the speed-up on each shape, with intervals. */
kw.shapeBars = (evaluation) => kw.charts.figure('shape-bars',
  'Speed-up by shape (' + evaluation.timing + ')',
  () => ({
    type: 'bar',
    data: {
      labels: evaluation.shapes.map((shape) => shape.case),
      datasets: [{
        label: 'speed-up, ' + evaluation.timing,
        data: evaluation.shapes.map((shape) => shape.speedup),
        ci: evaluation.shapes.map((shape) => shape.ci95),
        backgroundColor: kw.charts.colour(evaluation.timing === 'modelled' ? 'modelled' : 'measured'),
        whiskerColor: kw.charts.colour('text'),
        maxBarThickness: 48,
      }],
    },
    options: {
      scales: {
        x: kw.charts.axis('shape'),
        y: kw.charts.axis('speed-up', { beginAtZero: true, suggestedMax: 1.2 }),
      },
      plugins: { one: { at: true }, ...kw.tooltip((raw, context) =>
        kw.ratio(evaluation.shapes[context.dataIndex].speedup, evaluation.shapes[context.dataIndex].ci95)) },
    },
  }),
  kw.table('Speed-up by shape', ['shape', 'dims', kw.right('speed-up'), 'comparison'],
    evaluation.shapes.map((shape) => [shape.case, kw.dims(shape.dims), kw.ratio(shape.speedup, shape.ci95),
      shape.comparison])),
  'fastest baseline of the shape / kernel; bars with 95 % intervals; dashed: as fast as the baseline');

/** Reached bandwidth against operations a byte, and what the roof would allow. */
kw.roofline = (rows, timing) => {
  const known = rows.every((row) => row.flop);
  const x = (row) => (known ? row.flop / row.bytes : row.bytes);
  const points = (key) => rows.filter((row) => row[key]).map((row) => ({ x: x(row), y: row[key], name: row.case }))
    .sort((a, b) => a.x - b.x);
  const log = { type: 'logarithmic', ticks: { callback: (value) => kw.figure3(value), maxTicksLimit: 6,
    maxRotation: 0 } };
  return kw.charts.figure('roofline', 'Roofline (' + timing + ')',
    () => ({
      data: {
        datasets: [
          kw.charts.scatter('kernel, ' + timing, points('gb_per_s'), timing === 'modelled' ? 'modelled' : 'measured'),
          kw.charts.scatter('baseline, ' + timing, points('baseline_gb_per_s'), 'dim',
            { pointStyle: 'crossRot', borderWidth: 2 }),
          kw.charts.scatter('roof', points('roof_gb_per_s'), 'bad',
            { type: 'line', pointRadius: 3, pointStyle: 'rect', borderWidth: 1.5, showLine: true }),
        ],
      },
      options: {
        scales: {
          x: kw.charts.axis(known ? 'operations / byte' : 'bytes of a call', log),
          y: kw.charts.axis('GB/s', log),
        },
        plugins: kw.tooltip((raw,
          context) => context.dataset.label + ', ' + raw.name + ': ' + kw.figure3(raw.y) + ' GB/s'),
      },
    }),
    kw.table('Roofline', ['shape', kw.right('bytes'), kw.right('operations'),
      kw.right('GB/s'), kw.right('baseline GB/s'), kw.right('roof GB/s')],
    rows.map((row) => [row.case, kw.count(Math.round(row.bytes)), row.flop ? kw.count(row.flop) : null,
      kw.figure3(row.gb_per_s), kw.figure3(row.baseline_gb_per_s), kw.figure3(row.roof_gb_per_s)])),
    'the roof is the bandwidth at which the call would take the roof\'s time, memory or compute, whichever is longer');
};
