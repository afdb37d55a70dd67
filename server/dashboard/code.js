// SPDX-License-Identifier: Apache-2.0
// C++ and CUDA sources and diffs: spans made one by one, whatever the text says.
'use strict';

kw.code = (() => {
  const longest = 400000;  // characters; beyond, and in longer lines, nothing is coloured
  const keywords = new Set(('alignas alignof asm auto bool break case catch char class const consteval constexpr constinit const_cast ' +
    'continue decltype default delete do double dynamic_cast else enum explicit extern false float for friend goto if inline int ' +
    'long mutable namespace new noexcept nullptr operator private protected public register reinterpret_cast requires return ' +
    'short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef ' +
    'typename union unsigned using virtual void volatile while restrict __restrict__ __restrict __global__ __device__ __host__ ' +
    '__shared__ __constant__ __forceinline__ __launch_bounds__ __syncthreads __syncwarp threadIdx blockIdx blockDim gridDim').split(' '));
  const type = /^(?:u?int(?:8|16|32|64|ptr)?_t|s?size_t|ptrdiff_t|kw_\w+|__m\d+\w*|half2?|__half2?|(?:float|int|uint|double)[234]|__nv_\w+)$/;
  // Comment, string, character, directive, number, word; anything else is a character by itself. What is not ended goes
  // on to the end of the text, so that each character is looked at once.
  const token = /(\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|(?![\s\S])))|(R"([^\s()\\]{0,16})\([\s\S]*?(?:\)\3"|(?![\s\S]))|"(?:\\.|[^"\\\n])*"?)|('(?:\\.|[^'\\\n])*'?)|(^[ \t]*#[ \t]*\w+)|(\b\d[\w.']*(?:[eEpP][+-]\d+)?\w*)|([A-Za-z_]\w*)|[^\w]/gm;

  const classOf = (match) => (match[1] ? 'c-comment' : match[2] || match[4] ? 'c-string' : match[5] ? 'c-directive'
    : match[6] ? 'c-number' : match[7] ? (keywords.has(match[7]) ? 'c-keyword' : type.test(match[7])
      ? 'c-type' : '') : '');

  const lineElement = () => kw.el('span', { class: 'line' });

  const highlighted = (source) => {
    if (source.length > longest) return source.split('\n').map((line) => kw.el('span', { class: 'line' },
      line + '\n'));
    const lines = [lineElement()];
    const put = (text, look) => text.split('\n').forEach((part, i) => {
      if (i > 0) {
        lines[lines.length - 1].append('\n');
        lines.push(lineElement());
      }
      if (part) lines[lines.length - 1].append(look ? kw.el('span', { class: look }, part) : part);
    });
    let plain = '';
    for (const match of source.matchAll(token)) {
      const look = classOf(match);
      if (!look) {
        plain += match[0];
        continue;
      }
      put(plain, '');
      plain = '';
      put(match[0], look);
    }
    put(plain, '');
    return lines;
  };

  const box = (label, look, lines) => kw.el('pre', { class: look, tabindex: 0, role: 'region', 'aria-label': label },
    kw.el('code', {}, lines));

  const lookOf = (line) => (/^(---|\+\+\+)/.test(line) ? 'd-file' : line[0] === '@' ? 'd-hunk' : line[0] === '+'
    ? 'd-add'
    : line[0] === '-' ? 'd-del' : '');

  return {
    source: (text) => box('Source', 'code numbered', highlighted(text.replace(/\n$/, ''))),
    diff: (text) => box('Difference to the parent', 'code diff', text.replace(/\n$/, '').split('\n')
      .map((line) => kw.el('span', { class: 'line ' + lookOf(line) }, line + '\n'))),
  };
})();
