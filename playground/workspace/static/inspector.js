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

  // ---- the list
  function time(at) {
    const moment = new Date(at);
    const two = (number) => String(number).padStart(2, '0');
    const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(':');
    return `${clock}.${String(moment.getMilliseconds()).padStart(3, '0')}`;
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
    line.append(head, what);
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
    lines.set(entry.id, { at: entry.at, line });
    id('empty').hidden = true;
    toEnd();
  }

  function clear() {
    lines.clear();
    list.replaceChildren();
    id('empty').hidden = false;
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
  feed.addEventListener('people', (event) => drawPeople(JSON.parse(event.data)));
})();
