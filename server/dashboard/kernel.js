// SPDX-License-Identifier: Apache-2.0
'use strict';

kw.pages.kernel = async ([hash]) => {
  const kernel = await kw.data.load(['kernels', hash]);
  const shown = kernel.shown === null ? null : kernel.evaluations[kernel.shown];

  const outcome = () => [
    kw.el('p', { class: 'outcome' }, kw.verdict(shown.verdict, shown.verdict_name, shown.state), ' ', shown.summary),
    shown.detail ? kw.el('pre', { class: 'detail', tabindex: 0 }, shown.detail) : null,
    kw.facts([
      ['speed-up', shown.speedup && [kw.ratio(shown.speedup.value, shown.speedup.ci95), ' ', kw.timing(shown.timing),
        ', ', shown.speedup.comparison]],
      ['worst shape', shown.speedup && kw.times(shown.speedup.min)],
      ['vs naive', shown.speedup && kw.times(shown.speedup.vs_naive)],
      ['SOL', shown.speedup && kw.percent(shown.speedup.sol)],
      ['task', kw.linked('tasks', kernel.task)],
      ['made for', kernel.target + ', ' + kernel.isa], ['origin', kernel.origin],
      ['campaign', shown.campaign && [kw.linked('campaigns', shown.campaign), ' ' + shown.step + '.' + shown.slot]],
      ['what was tried', shown.note]])];

  const relative = (row) => [kw.kernel(row.kernel), row.step + '.' + row.slot, kw.verdict(row.verdict),
    row.speedup ? kw.ratio(row.speedup.value, row.speedup.ci95) : null, row.speedup ? kw.timing(row.timing) : null,
      row.note];
  const relatives = (caption, rows) => (rows.length === 0 ? null : kw.table(caption,
    ['kernel', 'step', 'verdict', kw.right('speed-up'), 'timing', 'what was tried'], rows.map(relative)));

  const shapes = () => kw.table('Times of one call by shape (' + shown.timing + ')',
    ['shape', 'dims', kw.right('kernel'), kw.right('baseline'), 'which', kw.right('naive'),
      kw.right('floor', 'least physically possible'), kw.right('speed-up'), 'comparison',
      kw.right('GB/s'), kw.right('SOL'), kw.right('hot'), kw.right('pairs'), 'stopped'],
    shown.shapes.map((shape) => [shape.case, kw.dims(shape.dims), kw.time(shape.candidate_ns),
      kw.time(shape.baseline_ns), shape.baseline,
      kw.time(shape.naive_ns), kw.time(shape.floor_ns), kw.ratio(shape.speedup, shape.ci95), shape.comparison,
        kw.figure3(shape.gb_per_s),
      kw.percent(shape.sol), shape.hot_candidate_ns ? kw.times(shape.hot_baseline_ns / shape.hot_candidate_ns) : null,
      kw.count(shape.pairs), shape.stop_reason]));

  const findings = () => kw.table('Findings', ['rule', 'severity', 'phase', 'state', 'evidence'],
    shown.findings.map((finding) => [finding.rule, finding.severity, finding.phase, finding.state, finding.evidence]),
    { empty: 'none' });

  const cases = () => kw.details('cases', shown.cases.length + ' cases were checked', kw.table('Cases',
    ['case', 'dims', 'distribution', 'verdict', kw.right('error', 'as a fraction of what is allowed'),
      'first mismatch', kw.right('mismatches'), kw.right('elements')],
    shown.cases.map((each) => [each.case + (each.hidden ? ' (hidden)' : ''), kw.dims(each.dims), each.distribution,
      kw.verdict(each.verdict),
      kw.figure3(each.error_fraction), each.index >= 0 ? each.argument + '[' + each.index + ']' + (each.got
        ? ': got ' + each.got + ', want ' + each.want : '') : null,
      kw.count(each.mismatches), kw.count(each.elements)])));

  const judgings = () => kw.table('Every judging of this source',
    ['when', 'why', 'state', 'campaign', 'verdict', kw.right('speed-up'), 'timing', 'device'],
    kernel.evaluations.map((each, i) => [kw.when(each.at) + (i === kernel.shown ? ' (shown here)' : ''), each.purpose,
      each.state,
      each.campaign && kw.linked('campaigns', each.campaign),
      kw.verdict(each.verdict, each.verdict_name), each.speedup
        ? kw.ratio(each.speedup.value, each.speedup.ci95) : null,
      kw.timing(each.timing), each.device]));

  const build = () => {
    const { build: made } = shown;
    const counts = (map) => Object.entries(map).map(([name, count]) => name + ' ' + count).join(', ');
    return [kw.facts([['device', shown.device], ['calibration', shown.device_hash && shown.device_hash.slice(0, 16)],
      ['timing', shown.timing + ', ' + shown.protocol], ['sandbox', shown.sandbox], ['compiler', made.compiler],
      ['build', made.seconds && kw.seconds(made.seconds) + (made.cached ? ', from the cache' : '')],
      ['resources', counts(made.resources)], ['instructions', counts(made.instructions)],
      ['artefact', made.artifact_sha256 && 'sha256 ' + made.artifact_sha256],
        ['task', shown.task_hash && 'sha256 ' + shown.task_hash],
      ['seed commitment', shown.seed_commitment], ['seed', shown.seed],
      ['stages', shown.stages.map((stage) => stage.stage + ' ' + kw.figure3(stage.ms) + ' ms').join(', ')]]),
    made.command ? kw.command(made.command) : null,
    made.diagnostics ? kw.details('diagnostics', 'What the compiler said',
      kw.el('pre', { class: 'detail', tabindex: 0 }, made.diagnostics)) : null];
  };

  const measured = shown !== null && shown.shapes.length > 0;
  return [
    kw.el('h1', {}, 'Kernel ', kw.short(kernel.kernel)),
    kw.el('p', { class: 'id note' }, 'sha256 ' + kernel.kernel),
    shown ? outcome() : kw.el('p', {}, 'not judged yet'),
    measured ? kw.section('Times', kw.el('div', { class: 'pair' }, kw.shapeBars(shown),
      kernel.roofline.length > 0 ? kw.roofline(kernel.roofline, shown.timing) : null), shapes()) : null,
    shown ? kw.section('Checks', findings(), cases()) : null,
    kernel.lineage.length + kernel.children.length === 0 ? null : kw.section('Lineage',
      relatives('Ancestors, the nearest first', kernel.lineage), relatives('Children', kernel.children)),
    kw.section('Source', kernel.diff ? kw.details('diff', 'Difference to the parent ' + kw.short(kernel.parent),
      kw.code.diff(kernel.diff)) : null,
      kw.code.source(kernel.source)),
    shown ? kw.section('Judgings', judgings()) : null,
    shown ? kw.section('Circumstances', build()) : null,
    kw.section('Reproduce', kw.command(kernel.reproduce.verify), kw.el('p', {}, 'or, on this database:'),
      kw.command(kernel.reproduce.reverify)),
  ];
};
