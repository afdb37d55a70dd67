// SPDX-License-Identifier: Apache-2.0
// The search tree as SVG: a column a generation, a node an attempt, coloured and lettered by its verdict.
'use strict';

kw.tree = (() => {
  const space = 'http://www.w3.org/2000/svg';
  const across = 76;  // pixels between generations
  const down = 24;    // pixels between leaves
  const most = 600;   // nodes: more cannot be told apart

  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS(space, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  /** Children below the first attempt at their parent's source; whatever has no such parent is a root. */
  const grown = (attempts) => {
    const nodes = attempts.map((attempt) => ({ attempt, children: [] }));
    const first = new Map();
    for (const node of nodes) {
      if (node.attempt.kernel && !first.has(node.attempt.kernel)) first.set(node.attempt.kernel, node);
    }
    // Rows of a hostile file may go round in circles: a parent must have been judged before its child.
    return nodes.filter((node) => {
      const parent = first.get(node.attempt.parent);
      const own = parent !== undefined && parent.attempt.eval < node.attempt.eval;
      if (own) parent.children.push(node);
      return !own;
    });
  };

  /** Leaves stand one below the other, a parent in the middle of its children. Without recursion: a chain may be
   *  thousands long. */
  const place = (roots) => {
    const order = [];
    const open = [...roots].reverse().map((node) => [node, 0]);
    while (open.length > 0) {
      const [node, depth] = open.pop();
      node.x = depth;
      order.push(node);
      for (const child of [...node.children].reverse()) open.push([child, depth + 1]);
    }
    let leaf = 0;
    for (const node of order) {
      if (node.children.length === 0) node.y = leaf++;
    }
    for (const node of [...order].reverse()) {
      if (node.children.length > 0) node.y = (node.children[0].y + node.children[node.children.length - 1].y) / 2;
    }
    return { order, leaves: leaf };
  };

  const words = (attempt) => '#' + attempt.eval + ' ' + kw.short(attempt.kernel) + ', ' + attempt.verdict + ' ' +
    attempt.verdict_name + (attempt.speedup ? ', ' + kw.times(attempt.speedup.value) + ' ' + attempt.timing : '') +
    (attempt.best ? ', new best' : '') + (attempt.note ? ', ' + attempt.note : '');

  const drawn = (node) => {
    const { attempt } = node;
    const shape = svg('g', { class: 'node ' + kw.verdictClass(attempt.verdict) + (attempt.best ? ' best' : ''),
      transform: 'translate(' + (24 + node.x * across) + ' ' + (18 + node.y * down) + ')' },
    svg('title', {}, words(attempt)),
    svg('rect', { x: -16, y: -9, width: 32, height: 18, rx: attempt.verdict === 'AC' ? 9 : 2 }),
    svg('text', { x: 0, y: 4 }, attempt.speedup ? kw.figure3(attempt.speedup.value) : attempt.verdict));
    if (!attempt.kernel || !kw.data.has('kernels', attempt.kernel)) return shape;
    return svg('a', { href: '#/kernels/' + encodeURIComponent(attempt.kernel), 'aria-label': words(attempt) }, shape);
  };

  return (attempts) => {
    const { order, leaves } = place(grown(attempts.slice(0, most)));
    const deepest = order.reduce((depth, node) => Math.max(depth, node.x), 0);
    const width = 48 + deepest * across;
    const height = 36 + Math.max(0, leaves - 1) * down;
    const edge = (node, child) => {
      const [x1, y1, x2, y2] = [40 + node.x * across, 18 + node.y * down, 8 + child.x * across, 18 + child.y * down];
      return svg('path', { class: 'edge', d: ['M', x1, y1, 'C', x1 + 20, y1, x2 - 20, y2, x2, y2].join(' ') });
    };
    const lines = order.flatMap((node) => node.children.map((child) => edge(node, child)));
    return kw.el('figure', {},
      kw.el('figcaption', {}, 'Search tree'),
      kw.el('div', { class: 'wide tree', tabindex: 0, role: 'region', 'aria-label': 'Search tree' },
        svg('svg', { width, height, viewBox: '0 0 ' + width + ' ' + height, role: 'group',
          'aria-label': 'Search tree' },
          ...lines, ...order.map(drawn))),
      kw.el('p', { class: 'note' },
        'from parent to child; figures: speed-up of accepted kernels (thick frame: new best), ' +
        'letters: verdict of the others' +
        (attempts.length > most ? '; the first ' + most + ' of ' + attempts.length + ' attempts' : '')));
  };
})();
