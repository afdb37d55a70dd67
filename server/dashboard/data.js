// SPDX-License-Identifier: Apache-2.0
// Where documents come from: those in the page itself (a report), else the API beside the page.
'use strict';

kw.data = (() => {
  const element = document.getElementById('kw-data');
  const held = element ? JSON.parse(element.textContent) : null;
  const storage = 'kwright.token';

  const headers = (more) => {
    const token = sessionStorage.getItem(storage);
    return token ? { Authorization: 'Bearer ' + token, ...more } : { ...more };
  };
  const address = (parts, query) => {
    const search = new URLSearchParams(Object.entries(query || {}).filter(([, value]) => value)).toString();
    return 'v1/' + parts.map((part) => encodeURIComponent(part)).join('/') + (search ? '?' + search : '');
  };
  const failure = async (response) => {
    let said = {};
    try {
      said = (await response.json()).error || {};
    } catch (ignored) { /* not ours: a proxy's page */ }
    const error = new Error(said.message || 'the server answered ' + response.status);
    error.hint = said.hint || '';
    error.needsToken = response.status === 401;
    return error;
  };

  /** The lines of an event stream as {id, data}; what is left of the text is handed back. */
  const take = (text, tell) => {
    const blocks = text.split(/\r?\n\r?\n/);
    for (const block of blocks.slice(0, -1)) {
      const event = { id: '', data: '' };
      for (const line of block.split(/\r?\n/)) {
        const colon = line.indexOf(':');
        const field = line.slice(0, colon);
        const value = line.slice(colon + 1).replace(/^ /, '');
        if (field === 'id') event.id = value;
        if (field === 'data') event.data += (event.data ? '\n' : '') + value;
      }
      if (event.data) tell(event);
    }
    return blocks[blocks.length - 1];
  };

  const pause = (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });

  return {
    /** A page that is a file: no server, nothing changes. */
    still: held !== null,
    report: held ? held.report : null,
    has: (...parts) => held === null || Object.hasOwn(held, parts.join('/')),
    setToken: (token) => sessionStorage.setItem(storage, token),

    load: async (parts, query) => {
      if (held !== null) {
        const key = parts.join('/');
        if (!Object.hasOwn(held, key)) throw new Error('this file does not hold ' + key);
        return held[key];
      }
      const response = await fetch(address(parts, query), { headers: headers({ Accept: 'application/json' }) });
      if (!response.ok) throw await failure(response);
      return response.json();
    },

    /** Calls tell(event) for each event of a campaign until it stops, earlier ones first, and tell(null) now and then
     *  while no stream is to be had. fetch() and not EventSource: that cannot send a token. */
    follow: async (campaign, tell, signal) => {
      let last = '';
      let stopped = false;
      while (!signal.aborted && !stopped) {
        try {
          const response = await fetch(address(['campaigns', campaign, 'events']),
            { signal, headers: headers({ Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) }) });
          if (!response.ok || !response.body) throw await failure(response);
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
          let text = '';
          for (let part = await reader.read(); !part.done; part = await reader.read()) {
            text = take(text + part.value, (event) => {
              last = event.id || last;
              let said = null;
              try {
                said = JSON.parse(event.data);
              } catch (ignored) { /* told as an event without words */ }
              stopped = stopped || (said !== null && said.type === 'stopped');
              tell(said);
            });
          }
        } catch (ignored) { /* no stream: ask again below */ }
        if (!stopped) await pause(4000, signal);
        if (!stopped && !signal.aborted) tell(null);
      }
    },
  };
})();
