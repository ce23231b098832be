// The browser. Style and code of the status page, as text: they run in no process of the server.

export const STYLE = `
:root{color-scheme:light dark;--back:#fff;--text:#1d2329;--soft:#56616c;--line:#d5dbe1;--bar:#0a6e5c}
@media (prefers-color-scheme:dark){:root{--back:#14181c;--text:#e6eaee;--soft:#9aa7b3;--line:#333c45;--bar:#4cc2a9}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--back);color:var(--text);font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .5rem}
header p,small,figcaption,dt{color:var(--soft)}header p{margin:.2rem 0}
.phase{font-weight:400;color:var(--bar)}.error{color:#c0392b}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.6rem 1.2rem;margin:0}
dd{margin:0;font-size:1.05rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.scroll:focus-visible,button:focus-visible{outline:2px solid var(--bar);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem .3rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left}thead th{font-weight:500;color:var(--soft)}
meter{width:6rem;height:.8rem}figure{margin:1rem 0 0}
svg{width:100%;height:5rem;border-bottom:1px solid var(--line)}path{fill:none;stroke:var(--bar);stroke-width:1.5;vector-effect:non-scaling-stroke}
button{font:inherit;padding:.15rem .7rem}
`;

/** Loads the page again each two seconds, puts its parts in place, and draws what only several looks can tell. */
export const CODE = `
(() => {
  const every = 2000, most = 60;
  const button = document.getElementById('pause'), age = document.getElementById('age');
  const read = (root) => JSON.parse(root.getElementById('main').dataset.status);
  const rates = [];
  let last = { at: performance.now(), status: read(document) }, paused = false;
  const show = (at, status) => {
    const seconds = (at - last.at) / 1000;
    const rate = (name) => Math.max(0, (status.totals[name] - last.status.totals[name]) / seconds);
    for (const small of document.querySelectorAll('[data-rate]'))
      small.textContent = Math.round(rate(small.dataset.rate)).toLocaleString('en') + '/s';
    rates.push(rate('requests'));
    if (rates.length > most) rates.shift();
    const top = Math.max(1, ...rates);
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', rates.map((value, i) =>
      (i ? 'L' : 'M') + ((most - rates.length + i) * 120 / (most - 1)).toFixed(1) + ' ' + (29 - value / top * 28).toFixed(1)).join(''));
    const plot = document.getElementById('rates');
    plot.replaceChildren(path);
    plot.setAttribute('aria-label', 'Requests a second: now ' + Math.round(rates.at(-1)) + ', at most ' + Math.round(top));
  };
  const look = async () => {
    try {
      const response = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' });
      if (!response.ok) throw new Error('status ' + response.status);
      const next = new DOMParser().parseFromString(await response.text(), 'text/html');
      const status = read(next), at = performance.now();
      const focused = document.activeElement && document.activeElement.getAttribute('aria-labelledby');
      const scrolls = [...document.querySelectorAll('.scroll')].map((part) => part.scrollLeft);
      for (const id of ['main', 'title', 'about'])
        document.getElementById(id).replaceWith(document.adoptNode(next.getElementById(id)));
      document.title = next.title;
      document.querySelectorAll('.scroll').forEach((part, i) => { part.scrollLeft = scrolls[i] || 0; });
      if (focused) document.querySelector('.scroll[aria-labelledby="' + CSS.escape(focused) + '"]')?.focus();
      show(at, status);
      last = { at, status };
      age.textContent = '';
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
