// The browser. Style and code of the status page, as text: they run in no process of the server.

export const STYLE = `
:root{color-scheme:light dark;--back:#fff;--text:#1d2329;--soft:#56616c;--line:#d5dbe1;--bar:#0a6e5c;--bad:#b3261e;--mid:#8a5a00}
@media (prefers-color-scheme:dark){:root{--back:#14181c;--text:#e6eaee;--soft:#9aa7b3;--line:#333c45;--bar:#4cc2a9;--bad:#ff8a80;--mid:#e0b458}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--back);color:var(--text);font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .5rem}
header p,small,figcaption,dt{color:var(--soft)}header p{margin:.2rem 0}
.phase{font-weight:400;color:var(--bar)}.error{color:var(--bad)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.6rem 1.2rem;margin:0}
dd{margin:0;font-size:1.05rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.scroll:focus-visible,button:focus-visible,summary:focus-visible{outline:2px solid var(--bar);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem .3rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left}thead th{font-weight:500;color:var(--soft)}
meter{width:6rem;height:.8rem}figure{margin:1rem 0 0}
svg{width:100%;height:5rem;border-bottom:1px solid var(--line)}path{fill:none;stroke:var(--bar);stroke-width:1.5;vector-effect:non-scaling-stroke}
rect{fill:var(--bar)}.p90{stroke:var(--mid)}.p99{stroke:var(--bad)}
b{font-weight:600;color:var(--bar)}b.p90{color:var(--mid)}b.p99{color:var(--bad)}
summary{margin-top:.6rem;color:var(--soft);cursor:pointer}details table{width:auto}
button{font:inherit;padding:.15rem .7rem}
`;

/** Asks for the page again each two seconds, puts its parts in place, and draws what only several looks can tell. */
export const CODE = `
(() => {
  const every = 2000, most = 60;
  const button = document.getElementById('pause'), age = document.getElementById('age');
  const read = (root) => JSON.parse(root.getElementById('main').dataset.status);
  const points = [];
  let last = { at: performance.now(), status: read(document) }, paused = false;
  const round = (value) => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString('en');
  // the part of the requests since the last look that took at most so long
  const percentiles = (now, before) => {
    const old = new Map(before.map(({ upTo, count }) => [upTo, count]));
    const parts = now.map(({ upTo, count }) => [upTo, Math.max(0, count - (old.get(upTo) || 0))]);
    const all = parts.reduce((sum, [, count]) => sum + count, 0);
    if (!all) return undefined;
    return [0.5, 0.9, 0.99].map((share) => {
      let seen = 0;
      return (parts.find(([, count]) => (seen += count) >= all * share) || parts.at(-1))[0] || 0;
    });
  };
  const draw = (id, names, top, valueOf) => {
    const paths = names.map((name, n) => {
      let line = '', pen = 'M';
      points.forEach((point, i) => {
        const value = valueOf(point, n);
        if (value === undefined) return void (pen = 'M');
        line += pen + ((most - points.length + i) * 120 / (most - 1)).toFixed(1) + ' ' + (29 - value / top * 28).toFixed(1);
        pen = 'L';
      });
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      path.setAttribute('class', name);
      path.setAttribute('d', line);
      return path;
    });
    document.getElementById(id).replaceChildren(...paths);
  };
  const describe = (id, text) => document.getElementById(id).setAttribute('aria-label', text);
  const tellTimes = (times) => {
    const names = ['p50', 'p90', 'p99'];
    const parts = names.flatMap((name, n) => {
      const word = document.createElement('b');
      word.className = name;
      word.textContent = name;
      return [n ? ', ' : '', word, ' ' + round(times[n]) + ' ms'];
    });
    document.getElementById('percentiles').replaceChildren(...parts);
    describe('times', 'Latency now: ' + names.map((name, n) => name + ' ' + round(times[n]) + ' ms').join(', '));
  };
  const show = (at, status) => {
    const seconds = (at - last.at) / 1000;
    const rate = (now, before) => Math.max(0, (now - before) / seconds);
    for (const small of document.querySelectorAll('[data-rate]')) {
      const name = small.dataset.rate;
      small.textContent = round(rate(status.totals[name], last.status.totals[name])) + '/s';
    }
    const served = (pool) => new Map(pool.map(({ pid, served }) => [String(pid), served]));
    const now = served(status.pool), before = served(last.status.pool);
    for (const cell of document.querySelectorAll('[data-worker]')) {
      const pid = cell.dataset.worker;
      if (now.has(pid)) cell.textContent = round(rate(now.get(pid), before.get(pid) || 0)) + '/s';
    }
    const times = percentiles(status.durations.histogram, last.status.durations.histogram);
    points.push({ requests: rate(status.totals.requests, last.status.totals.requests), times });
    if (points.length > most) points.shift();
    const top = Math.max(1, ...points.map(({ requests }) => requests));
    draw('rates', ['rate'], top, ({ requests }) => requests);
    describe('rates', 'Requests a second: now ' + round(points.at(-1).requests) + ', at most ' + round(top));
    const longest = Math.max(1, ...points.flatMap((point) => point.times || []));
    draw('times', ['p50', 'p90', 'p99'], longest, (point, n) => point.times && point.times[n]);
    if (times) tellTimes(times);
  };
  const look = async () => {
    try {
      const response = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' });
      if (!response.ok) throw new Error('status ' + response.status);
      // its style has a nonce that this page's policy does not know
      const text = (await response.text()).replace(/<style.*?<\\/style>/s, '');
      const next = new DOMParser().parseFromString(text, 'text/html');
      const status = read(next), at = performance.now();
      // what has the focus, is scrolled or open stays so
      const active = document.activeElement;
      const focused = active && (active.getAttribute('aria-labelledby') || active.localName);
      const scrolls = [...document.querySelectorAll('.scroll')].map((part) => part.scrollLeft);
      const isOpen = Boolean(document.querySelector('details')?.open);
      for (const id of ['main', 'title', 'about'])
        document.getElementById(id).replaceWith(document.adoptNode(next.getElementById(id)));
      document.title = next.title;
      document.querySelectorAll('.scroll').forEach((part, i) => { part.scrollLeft = scrolls[i] || 0; });
      document.querySelectorAll('details').forEach((part) => { part.open = isOpen; });
      if (focused === 'summary') document.querySelector('summary')?.focus({ preventScroll: true });
      else if (focused) document.querySelector('.scroll[aria-labelledby="' + CSS.escape(focused) + '"]')?.focus({ preventScroll: true });
      show(at, status);
      last = { at, status };
      if (age.textContent) age.textContent = '';
    } catch (error) {
      age.textContent = 'No answer (' + error.message + '), trying again';
    }
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    paused = !paused;
    button.setAttribute('aria-pressed', String(paused));
    age.textContent = paused ? 'Paused' : '';
  });
  const loop = async () => {
    if (!paused && !document.hidden) await look();
    setTimeout(loop, every);
  };
  setTimeout(loop, every);
})();
`;
