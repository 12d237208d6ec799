// The inspector: shows the feed of the stand-in. Everything is set as text, never as markup.
'use strict';

(() => {
  const id = (name) => document.getElementById(name);
  const panel = id('inspector');
  const toggle = id('toggle');
  const list = id('trace');
  const lines = new Map();
  const kinds = { check: 'check', message: 'message', login: 'login', call: 'API call', mail: 'e-mail', log: 'log', note: 'page' };

  function element(tag, className, text = '') {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  }

  // ---- open and closed: beside the page where there is room, over it on phones
  const wide = window.matchMedia('(min-width: 720px)');
  function open(yes) {
    document.body.classList.toggle('inspecting', yes);
    toggle.setAttribute('aria-expanded', String(yes));
    toggle.textContent = yes ? 'Hide inspector' : 'Inspector';
  }
  open(wide.matches);
  wide.addEventListener('change', () => open(wide.matches));
  toggle.addEventListener('click', () => open(!document.body.classList.contains('inspecting')));
  id('clear').addEventListener('click', () => fetch('/_playground/clear', { method: 'POST' }));

  // ---- parts that take room from the list are shut where there is little
  if (window.innerHeight < 700 || !wide.matches) {
    for (const part of panel.querySelectorAll('details')) part.open = false;
  }

  // ---- buttons that stay pressed
  function toggleButton(text, pressed, turned) {
    const button = element('button', 'toggle', text);
    button.type = 'button';
    button.setAttribute('aria-pressed', String(pressed));
    button.addEventListener('click', () => turned(button.getAttribute('aria-pressed') !== 'true', button));
    return button;
  }

  // ---- filters: kept for the next load of the page, which is what one often looks at
  const filters = { check: 'Checks', message: 'Messages', call: 'API calls', login: 'Logins', log: 'Log', mail: 'Mail', why: 'Explain' };
  const hidden = new Set((sessionStorage.getItem('hidden') || '').split(' ').filter((kind) => kind in filters));

  function filter() {
    list.classList.toggle('unexplained', hidden.has('why'));
    for (const { line, kind } of lines.values()) line.hidden = hidden.has(kind);
    id('empty').hidden = lines.size > 0;
    id('filtered').hidden = !lines.size || [...lines.values()].some(({ line }) => !line.hidden);
    toEnd();
  }

  for (const [kind, name] of Object.entries(filters)) {
    const button = toggleButton(name, !hidden.has(kind), (pressed) => {
      if (pressed) hidden.delete(kind);
      else hidden.add(kind);
      button.setAttribute('aria-pressed', String(pressed));
      sessionStorage.setItem('hidden', [...hidden].join(' '));
      filter();
    });
    if (kind === 'why') id('copy').before(button);
    else id('filters').append(button);
  }

  // ---- the list
  function time(at) {
    const moment = new Date(at);
    const two = (number) => String(number).padStart(2, '0');
    const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(':');
    return `${clock}.${String(moment.getMilliseconds()).padStart(3, '0')}`;
  }

  // The documentation is files beside the playground, so its place is text and no link.
  function explanation(className, { text, page, heading }) {
    const line = element('p', className, `${text} `);
    line.append(element('span', 'place', `${page} · ${heading}`));
    return line;
  }

  function draw(entry) {
    const line = element('li', `entry ${entry.kind} ${entry.outcome}`);
    const head = element('div', 'when');
    head.append(element('div', 'kind', kinds[entry.kind]), element('time', '', time(entry.at)));
    const what = element('div', 'what');
    what.append(element('div', 'title', entry.title));
    const result = entry.outcome === 'pending' ? 'waiting…' : entry.result;
    const took = entry.took >= 1 ? `${Math.round(entry.took)} ms` : '';
    if (result || took) {
      const row = element('div', 'result', result);
      row.append(' ', element('span', 'took', took));
      what.append(row);
    }
    if (entry.detail) what.append(element('div', 'detail', entry.detail));
    line.append(head, what, explanation('why', entry.why));
    return line;
  }

  // The list stays at its end unless the reader has scrolled up.
  let following = true;
  const toEnd = () => following && list.scrollTo(0, list.scrollHeight);
  list.addEventListener('scroll', () => {
    following = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  });
  new ResizeObserver(toEnd).observe(list);

  function put(entry) {
    const line = draw(entry);
    const before = lines.get(entry.id);
    if (before) {
      before.line.replaceWith(line);
    } else {
      const later = [...lines.values()].filter((each) => each.at > entry.at).sort((a, b) => a.at - b.at)[0];
      list.insertBefore(line, later ? later.line : null);
    }
    lines.set(entry.id, { at: entry.at, line, kind: entry.kind, entry });
    filter();
  }

  function clear() {
    lines.clear();
    list.replaceChildren();
    filter();
  }

  // ---- the list as text: what the filters leave of it
  function asText() {
    const shown = [...lines.values()].filter(({ kind }) => !hidden.has(kind)).sort((a, b) => a.at - b.at);
    const blocks = shown.map(({ entry }) => {
      const took = entry.took >= 1 ? ` (${Math.round(entry.took)} ms)` : '';
      const more = [
        `${entry.result || (entry.outcome === 'pending' ? 'waiting' : '')}${took}`.trim(),
        entry.detail,
        hidden.has('why') ? '' : `${entry.why.text} [${entry.why.page}, ${entry.why.heading}]`,
      ];
      const first = `${time(entry.at)}  ${kinds[entry.kind].padEnd(8)}  ${entry.title}`;
      return [first, ...more.filter(Boolean).map((text) => ' '.repeat(24) + text)].join('\n');
    });
    return { count: shown.length, text: `${[id('about').textContent.trim(), ...blocks].join('\n')}\n` };
  }

  // Where the page is opened by another address than localhost there is no Clipboard API.
  function copyBySelection(text) {
    const area = element('textarea', 'visually-hidden');
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (!done) throw new Error('the browser does not copy');
  }

  let quiet;
  id('copy').addEventListener('click', async () => {
    const { count: number, text } = asText();
    let done = 'Copied';
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      try {
        copyBySelection(text);
      } catch {
        done = 'Not copied';
      }
    }
    id('copy').focus();
    id('copy').textContent = done;
    id('said').textContent = done === 'Copied' ? `Copied ${number} ${number === 1 ? 'entry' : 'entries'}` : done;
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      id('copy').textContent = 'Copy as text';
      id('said').textContent = '';
    }, 3000);
  });

  // ---- faults: their buttons stay the same elements, so that the keyboard's place is not lost
  const faults = new Map();

  function drawFaults(switches) {
    for (const { name, label } of switches) {
      if (faults.has(name)) continue;
      const button = toggleButton(label, false, async (on) => {
        await fetch(`/_playground/faults/${name}`, { method: 'POST', body: JSON.stringify({ on }) });
      });
      button.classList.add('fault');
      faults.set(name, button);
      id('faults').append(button);
    }
    for (const { name, on } of switches) faults.get(name).setAttribute('aria-pressed', String(on));
    const on = switches.filter((each) => each.on);
    document.body.dataset.cookies = on.some(({ name }) => name === 'cookies') ? 'blocked' : 'sent';
    const words = on.map(({ label }) => label.toLowerCase()).join(', ');
    const sentence = words && `Broken on purpose: ${words}.`;
    if (id('broken').textContent === sentence) return;
    id('broken').textContent = sentence;
    id('what-is-broken').replaceChildren(
      ...on.map(({ label, broken }) => {
        const item = element('li', 'broken');
        item.append(element('strong', '', label), explanation('', broken));
        return item;
      }),
    );
  }

  // ---- the people, with the codes that they would read elsewhere
  let codesUntil = 0;
  let step = 30;

  function drawPeople({ people, left, step: length }) {
    step = length;
    codesUntil = performance.now() + left * 1000;
    id('people').replaceChildren(
      ...people.map((person) => {
        const row = element('li', 'person');
        row.append(element('strong', '', person.username), element('span', 'about-person', person.about));
        if ('totp' in person) {
          const code = element('span', 'code', person.totp);
          code.title = 'the current code of the authenticator';
          row.append(code, element('span', 'left'));
        }
        if ('mail' in person) {
          row.append(element('span', person.mailState ? 'code none' : 'code', person.mail || 'no e-mail yet'));
          if (person.mail) row.append(element('span', 'left', person.mailState));
        }
        return row;
      }),
    );
    count();
  }

  function count() {
    for (const left of document.querySelectorAll('.person .left')) {
      if (left.previousSibling.title) {
        left.textContent = `${Math.max(0, Math.min(step, Math.ceil((codesUntil - performance.now()) / 1000)))} s`;
      }
    }
  }
  setInterval(count, 500);

  const feed = new EventSource('/_playground/stream');
  feed.addEventListener('entry', (event) => put(JSON.parse(event.data)));
  feed.addEventListener('clear', clear);
  feed.addEventListener('faults', (event) => drawFaults(JSON.parse(event.data)));
  feed.addEventListener('people', (event) => drawPeople(JSON.parse(event.data)));
})();
