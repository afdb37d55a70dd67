// SPDX-License-Identifier: Apache-2.0
// From the address (#/page/name?filter=value) to a page, and drawing it again without losing the reader's place.
'use strict';

kw.app = (() => {
  const main = document.getElementById('main');
  const live = document.getElementById('live');
  const report = kw.data.report;
  const menu = report
    ? [[['campaigns', report.campaign], 'Campaign'], [['board'], 'Board']]
    : [[['campaigns'], 'Campaigns'], [['board'], 'Board'], [['tasks'], 'Tasks'], [['queue'], 'Queue'],
      [['spend'], 'Spend']];
  const home = menu[0][0];
  let view = null;

  const address = (parts, query = {}) => {
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
    return '#/' + parts.map((part) => encodeURIComponent(part)).join('/') + (search ? '?' + search : '');
  };
  const decoded = (part) => {
    try {
      return decodeURIComponent(part);
    } catch (ignored) {
      return part;
    }
  };
  /** {parts, query}; null where the address is not one of ours (an anchor). */
  const route = () => {
    if (location.hash !== '' && !location.hash.startsWith('#/')) return null;
    const [path, search] = location.hash.slice(2).split('?');
    const parts = path.split('/').filter((part) => part !== '').map(decoded);
    return { parts: parts.length > 0 ? parts : home, query: Object.fromEntries(new URLSearchParams(search || '')) };
  };
  const pageOf = ([kind, name]) => {
    const single = { campaigns: 'campaign', kernels: 'kernel', tasks: 'task' }[kind];
    const page = name !== undefined && single ? single : kind;
    return Object.hasOwn(kw.pages, page) ? kw.pages[page] : null;
  };

  const failed = (error) => {
    const box = kw.el('div', { role: 'alert', class: 'failure' }, kw.el('h1', {}, 'This page cannot be shown'),
      kw.el('p', {}, error.message),
      error.hint ? kw.el('p', {}, error.hint) : null);
    if (!error.needsToken) return box;
    const input = kw.el('input', { id: 'token', type: 'password', autocomplete: 'off', size: 48 });
    box.append(kw.el('form',
      { onsubmit: (event) => { event.preventDefault(); kw.data.setToken(input.value.trim()); draw(); } },
      kw.el('p', {}, 'This server asks for a token. It is kept until this tab is closed.'),
      kw.el('label', { for: 'token' }, 'Token '), input, ' ', kw.el('button', { type: 'submit' }, 'Go on')));
    return box;
  };

  /** What the reader opened, where the focus was, how far the page was scrolled. */
  const place = () => ({
    open: [...main.querySelectorAll('details[open]')].map((each) => each.id),
    focus: main.contains(document.activeElement) ? document.activeElement.id : '',
    scrolled: [window.scrollX, window.scrollY],
    sideways: [...main.querySelectorAll('[role=region]')].map((each) => each.scrollLeft),
  });
  const restore = (was) => {
    for (const id of was.open) {
      const each = document.getElementById(id);
      if (each) each.open = true;
    }
    [...main.querySelectorAll('[role=region]')].forEach((each, i) => { each.scrollLeft = was.sideways[i] || 0; });
    window.scrollTo(...was.scrolled);
    const focus = was.focus && document.getElementById(was.focus);
    if (focus) focus.focus({ preventScroll: true });
  };

  const content = async (mine) => {
    const page = pageOf(mine.parts);
    if (!page) throw new Error('there is no page called ' + mine.parts.join('/'));
    return page(mine.parts.slice(1), mine.query, mine);
  };

  const draw = async () => {
    const mine = view;
    const began = performance.now();
    let nodes;
    try {
      nodes = await content(mine);
    } catch (error) {
      nodes = [failed(error)];
    }
    if (mine !== view) return;  // the reader went on meanwhile
    mine.took = performance.now() - began;
    const was = place();
    main.replaceChildren(...[nodes].flat(Infinity).filter((node) => node !== null && node !== undefined));
    kw.charts.show();
    main.setAttribute('aria-busy', 'false');
    main.dataset.address = mine.address;
    const title = main.querySelector('h1');
    document.title = (title ? title.textContent + ' - ' : '') + 'Kernelwright';
    if (mine.drawn) {
      restore(was);
    } else if (mine.moved) {
      window.scrollTo(0, 0);
      main.focus({ preventScroll: true });
    }
    mine.drawn = true;
  };

  const navigate = (moved) => {
    const to = route();
    if (to === null) return;
    const samePage = view !== null && view.parts.join('/') === to.parts.join('/');
    if (view) view.stop.abort();
    const stop = new AbortController();
    view = { ...to, address: location.hash, stop, signal: stop.signal, following: false, drawn: samePage, moved,
      took: 0,
      go: (parts, query) => { location.hash = address(parts, query); },
      refresh: () => draw(),
      say: (text) => { live.textContent = text; } };
    live.textContent = '';
    main.setAttribute('aria-busy', 'true');
    for (const link of document.querySelectorAll('#nav a')) {
      const href = link.getAttribute('href');
      const current = decoded(href.slice(2)) === to.parts.join('/') || href === '#/' + to.parts[0];
      if (current) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
    }
    draw();
  };

  document.getElementById('nav').append(...menu.map(([parts, text]) => kw.el('li', {}, kw.link(parts, text))));
  document.getElementById('skip').addEventListener('click', (event) => { event.preventDefault(); main.focus(); });
  document.getElementById('foot').append(report
    ? 'Report of one campaign, made by Kernelwright; it needs no network and runs no script but its own.'
    : 'Kernelwright. Measured and modelled times are never ranked together.');
  window.addEventListener('hashchange', () => navigate(true));
  navigate(false);
})();
