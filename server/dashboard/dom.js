// SPDX-License-Identifier: Apache-2.0
// Elements and figures as people read them. Names, notes and sources come from strangers: they enter the page as text
// nodes only; no HTML is ever parsed, and every address begins with "#/".
'use strict';

const kw = { pages: {} };

/** el('td', {class: 'right', onclick: f}, 'text', node, [more]); null children are left out. */
kw.el = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(key.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(key, value === true ? '' : String(value));
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) {
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
  }
  return element;
};

/** A link within the dashboard: link(['kernels', hash], 'text'). */
kw.link = (parts, ...children) =>
  kw.el('a', { href: '#/' + parts.map((part) => encodeURIComponent(part)).join('/') }, ...children);

/** A campaign or task by its name, a link where its page is to be had. */
kw.linked = (kind, name) => (kw.data.has(kind, name) ? kw.link([kind, name], name) : name);

/** A column of figures; `about` says more of its heading. */
kw.right = (text, about) => ({ text, right: true, about });

/** A table with a caption in a box that scrolls sideways. Columns: text, or kw.right(text). */
kw.table = (caption, columns, rows, options = {}) => {
  const heads = columns.map((column) => (typeof column === 'string' ? { text: column } : column));
  // Long texts wrap, short ones stay whole: the box scrolls.
  const cell = (value, i) => {
    const made = kw.el(i === 0 ? 'th' : 'td', { scope: i === 0 ? 'row' : null },
      value === null || value === undefined || value === '' ? '-' : value);
    made.className = (heads[i] && heads[i].right ? 'right ' : '') + (made.textContent.length <= 32 ? 'short' : '');
    return made;
  };
  const body = rows.length > 0
    ? rows.map((row) => kw.el('tr', {}, row.map(cell)))
    : kw.el('tr', {}, kw.el('td', { colspan: heads.length, class: 'none' }, options.empty || 'nothing yet'));
  return kw.el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': caption },
    kw.el('table', {},
      kw.el('caption', {}, caption),
      kw.el('thead', {}, kw.el('tr', {}, heads.map((head) =>
        kw.el('th', { scope: 'col', class: head.right ? 'right' : null, title: head.about }, head.text)))),
      kw.el('tbody', {}, body)));
};

/** Pairs as a list of terms; pairs without a value are left out. */
kw.facts = (pairs) => kw.el('dl', { class: 'facts' },
  pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([term, value]) => kw.el('div', {}, kw.el('dt', {}, term), kw.el('dd', {}, value))));

kw.section = (title, ...children) => {
  const id = 's-' + title.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return kw.el('section', { 'aria-labelledby': id }, kw.el('h2', { id }, title), children);
};

/** Content behind a line that opens; `id` keeps it open when the page is drawn again. */
kw.details = (id, summary, ...children) =>
  kw.el('details', { id }, kw.el('summary', { id: id + '-summary' }, summary), children);

kw.command = (line) => kw.el('pre', { class: 'command', tabindex: 0 }, line);

// --- figures ---

const finite = (value) => typeof value === 'number' && Number.isFinite(value);

/** Three digits that count. */
kw.figure3 = (value) => {
  if (!finite(value)) return '-';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(1);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
};
kw.time = (ns) => {
  if (!finite(ns) || ns <= 0) return '-';
  const [unit, scale] = ns < 1e3 ? ['ns', 1] : ns < 1e6 ? ['us', 1e3] : ns < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  return kw.figure3(ns / scale) + ' ' + unit;
};
kw.seconds = (s) => {
  if (!finite(s)) return '-';
  const whole = Math.round(s);
  if (whole < 60) return s < 10 ? s.toFixed(1) + ' s' : whole + ' s';
  return whole < 3600 ? Math.floor(whole / 60) + 'm' + String(whole % 60).padStart(2, '0') + 's'
    : Math.floor(whole / 3600) + 'h' + String(Math.floor(whole / 60) % 60).padStart(2, '0') + 'm';
};
kw.times = (value) => (finite(value) && value > 0 ? value.toFixed(2) + 'x' : '-');
/** "2.31x [2.27, 2.36]"; a modelled time has no interval. */
kw.ratio = (value, ci95) => {
  const spread = ci95 && finite(ci95[0]) && finite(ci95[1]) && ci95[0] !== ci95[1];
  return kw.times(value) + (spread ? ' [' + ci95[0].toFixed(2) + ', ' + ci95[1].toFixed(2) + ']' : '');
};
kw.percent = (share) => (finite(share) && share > 0 ? Math.round(100 * share) + ' %' : '-');
kw.usd = (value) => (finite(value) ? (value > 0 && value < 0.1 ? value.toFixed(4) : value.toFixed(2)) : '-');
kw.count = (value) => (finite(value) ? String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',') : '-');
kw.when = (iso) => (typeof iso === 'string' ? iso.slice(0, 16).replace('T', ' ') : '-');
kw.dims = (dims) => Object.entries(dims || {}).map(([name, value]) => name + '=' + value).join(' ');
kw.short = (hash) => (hash ? 'k' + String(hash).slice(0, 7) : '-');

/** The kernel's short name, a link where its page is to be had. */
kw.kernel = (hash) => (hash && kw.data.has('kernels', hash)
  ? kw.el('a', { class: 'id', href: '#/kernels/' + encodeURIComponent(hash) }, kw.short(hash))
  : kw.el('span', { class: 'id' }, kw.short(hash)));

/** "AC" with its meaning; colour is never the only sign. */
kw.verdict = (code, name, state) => kw.el('span', { class: 'verdict ' + kw.verdictClass(code), title: name },
  code + (state && state !== 'judged' ? ' ' + state : ''));
kw.verdictClass = (code) => (code === 'AC' ? 'good' : code === 'CO' || code === 'DU' || code === 'NR' ? 'dull'
  : code === 'XX' ? 'ours' : code === 'CE' || code === 'FB' ? 'early' : 'bad');

/** A drop-down with a label. Values: [value, text]. */
kw.choice = (id, label, values, chosen, onchange) => kw.el('label', { class: 'choice', for: id }, label, ' ',
  kw.el('select', { id, onchange: (event) => onchange(event.target.value) },
    values.map(([value, text]) => kw.el('option', { value, selected: value === chosen }, text))));

kw.timing = (kind) => kw.el('span', { class: 'timing ' + (kind === 'modelled' ? 'modelled' : 'measured') }, kind);
