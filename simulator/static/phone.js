// The phone page: one plays the customers, each with a phone of their own.

import { language, texts } from '/static/texts.js';
import { drawMessage, element, face, isShown, number, refreshMessage } from '/static/view.js';

const MAX_FILE = 16 * 1024 * 1024;
const customers = new Map();
const unread = new Set();
const phones = new Map();
const find = (id) => document.getElementById(id);

async function call(path, method = 'GET', body = undefined) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { 'Content-Type': 'application/json' };
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(`/sim${path}`, options);
  const data = await answer.json();
  if (!answer.ok) throw new Error(typeof data.detail === 'string' ? data.detail : `${answer.status}`);
  return data;
}

let noticeTimer = 0;

function notice(text) {
  const node = find('notice');
  node.textContent = text;
  node.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { node.hidden = true; }, 6000);
}

function attempt(work) {
  work().catch((error) => notice(texts.problem + error.message));
}

// ---- customers ----

function drawPeople() {
  const list = find('person-list');
  if (!customers.size) {
    list.replaceChildren(element('li', 'nobody', texts.personEmpty));
    return;
  }
  list.replaceChildren(...[...customers.values()].map((customer) => {
    const button = element('button', 'person');
    button.type = 'button';
    button.dataset.testid = 'customer';
    button.dataset.waId = customer.wa_id;
    button.setAttribute('aria-pressed', String(phones.has(customer.wa_id)));
    button.setAttribute('aria-label', `${texts.open} ${customer.name}`);
    const picture = element('span', 'face');
    face(picture, customer);
    const about = element('span', 'about');
    about.append(element('b', '', customer.name), element('small', '', number(customer.wa_id)));
    button.append(picture, about);
    if (unread.has(customer.wa_id)) button.append(element('span', 'news', texts.unread));
    button.addEventListener('click', () => attempt(() => openPhone(customer.wa_id)));
    const item = element('li');
    item.append(button);
    return item;
  }));
}

function takeCustomer(customer) {
  const known = customers.get(customer.wa_id);
  customers.set(customer.wa_id, customer);
  const phone = phones.get(customer.wa_id);
  if (phone) showState(phone, customer);
  if (!known || known.name !== customer.name) drawPeople();
}

async function addPerson() {
  const given = find('person-number').value.trim();
  const waId = /^[+\d\s().-]+$/.test(given) ? given.replace(/\D/g, '') : given;
  const name = find('person-name').value.trim();
  let customer;
  try {
    customer = await call('/customers', 'POST', { wa_id: waId, name });
  } catch {
    notice(texts.badNumber);
    return;
  }
  find('person-form').reset();
  takeCustomer(customer);
  await openPhone(customer.wa_id);
  phones.get(customer.wa_id).input.focus();
}

// ---- phones ----

function room() {
  return Math.max(1, Math.min(4, Math.floor(find('phones').clientWidth / 340)));
}

function closePhone(waId) {
  const phone = phones.get(waId);
  if (!phone) return;
  phone.node.remove();
  phones.delete(waId);
  drawPeople();
}

async function openPhone(waId) {
  if (phones.has(waId)) {
    phones.get(waId).node.scrollIntoView({ block: 'nearest', inline: 'center' });
    return;
  }
  while (phones.size >= room()) closePhone(phones.keys().next().value);
  unread.delete(waId);
  const customer = customers.get(waId);
  const phone = buildPhone(customer);
  phones.set(waId, phone);
  find('phones').append(phone.node);
  showState(phone, customer);
  drawPeople();
  await fill(phone);
}

function buildPhone(customer) {
  const node = find('phone-template').content.firstElementChild.cloneNode(true);
  const pick = (selector) => node.querySelector(selector);
  const phone = {
    waId: customer.wa_id, node, talk: pick('.talk'), state: pick('.state'), input: pick('textarea'),
    file: pick('input[type=file]'), chosen: pick('.chosen'), quoted: '', items: new Map(), atEnd: true, typingTimer: 0,
  };
  node.dataset.waId = customer.wa_id;
  phone.talk.dataset.empty = texts.empty;
  phone.input.placeholder = texts.write;
  phone.input.setAttribute('aria-label', `${texts.write}, ${customer.name}`);
  pick('.send').setAttribute('aria-label', texts.send);
  phone.file.setAttribute('aria-label', texts.attach);
  pick('.clip').title = texts.attach;
  pick('.place').title = texts.place;
  pick('.place').setAttribute('aria-label', texts.place);
  pick('.place').addEventListener('click', () => attempt(() => sendPlace(phone)));
  phone.talk.addEventListener('dblclick', (event) => quote(phone, event.target.closest('.message')));
  pick('.phone-head .close').setAttribute('aria-label', texts.close);
  pick('.chosen .close').setAttribute('aria-label', texts.remove);
  pick('.phone-head .close').addEventListener('click', () => closePhone(customer.wa_id));
  pick('.chosen .close').addEventListener('click', () => choose(phone, true));
  phone.file.addEventListener('change', () => choose(phone, false));
  phone.input.addEventListener('input', () => grow(phone.input));
  phone.input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      pick('.write').requestSubmit();
    }
  });
  pick('.write').addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(() => say(phone));
  });
  phone.node.addEventListener('focusin', () => reads(phone));
  phone.talk.addEventListener('scroll', () => { phone.atEnd = isAtEnd(phone.talk); }, { passive: true });
  new ResizeObserver(() => { if (phone.atEnd) toEnd(phone.talk); }).observe(phone.talk);
  return phone;
}

function grow(input) {
  input.rows = Math.min(5, input.value.split('\n').length);
}

function choose(phone, drop) {
  if (drop) phone.file.value = '';
  const file = phone.file.files[0];
  if (file && file.size > MAX_FILE) {
    phone.file.value = '';
    notice(texts.tooBig);
  }
  const kept = phone.file.files[0];
  if (drop) phone.quoted = '';
  const answered = phone.quoted ? texts.quote + quotedText(phone) : '';
  phone.chosen.hidden = !kept && !phone.quoted;
  phone.chosen.firstElementChild.textContent = [answered, kept ? kept.name : ''].filter(Boolean).join(' · ');
}

function quotedText(phone) {
  const item = phone.items.get(phone.quoted);
  return item ? (item.querySelector('.text')?.textContent ?? '').slice(0, 60) : '';
}

function quote(phone, item) {
  if (!item) return;
  phone.quoted = item.dataset.sid;
  choose(phone, false);
  phone.input.focus();
}

async function sendPlace(phone) {
  const location = { latitude: -23.55052, longitude: -46.633308, label: texts.placeLabel, address: 'São Paulo' };
  await call(`/customers/${encodeURIComponent(phone.waId)}/messages`, 'POST', { location });
}

function showState(phone, customer) {
  face(phone.node.querySelector('.face'), customer);
  phone.node.querySelector('h2').textContent = customer.name;
  clearTimeout(phone.typingTimer);
  const left = customer.typing_until === null ? 0 : Math.min(25000, customer.typing_until - Date.now());
  const typing = customer.typing_until !== null && left > 0;
  phone.node.classList.toggle('typing', typing);
  phone.state.textContent = typing ? texts.typing : number(customer.wa_id);
  if (typing) {
    phone.typingTimer = setTimeout(() => showState(phone, { ...customer, typing_until: null }), left);
  }
}

async function fill(phone) {
  let after = 0;
  for (;;) {
    const page = await call(`/customers/${encodeURIComponent(phone.waId)}/messages?after=${after}&limit=500`);
    page.items.forEach((message) => takeMessage(phone, message));
    if (!page.items.length) break;
    after = page.next;
  }
}

function isAtEnd(talk) {
  return talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
}

function toEnd(talk) {
  talk.scrollTop = talk.scrollHeight;
}

function takeMessage(phone, message) {
  const stay = phone.atEnd || isAtEnd(phone.talk);
  const known = phone.items.get(message.sid);
  if (known) {
    refreshMessage(known, message);
  } else if (isShown(message)) {
    const item = drawMessage(message);
    phone.items.set(message.sid, item);
    phone.talk.append(item);
    for (const media of item.querySelectorAll('img, video')) {
      const settle = () => { if (phone.atEnd) toEnd(phone.talk); };
      media.addEventListener(media.tagName === 'IMG' ? 'load' : 'loadedmetadata', settle, { once: true });
    }
    if (phone.node.contains(document.activeElement)) reads(phone);
  }
  if (stay || (!known && message.direction === 'inbound')) {
    phone.atEnd = true;
    toEnd(phone.talk);
  }
}

function reads(phone) {
  if (phone.talk.querySelector('[data-status=delivered]')) {
    attempt(() => call(`/customers/${encodeURIComponent(phone.waId)}/read`, 'POST'));
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(reader.result.slice(reader.result.indexOf(',') + 1)));
    reader.addEventListener('error', () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

function contentType(file) {
  // A voice note is audio, though browsers take .ogg for video, or do not know it.
  if (/\.(ogg|oga|opus)$/i.test(file.name)) return 'audio/ogg';
  return file.type || 'application/octet-stream';
}

async function say(phone) {
  const body = phone.input.value.trim();
  const file = phone.file.files[0];
  if (!body && !file) return;
  const message = { body };
  if (phone.quoted) message.reply_to = phone.quoted;
  if (file) Object.assign(message, { media_base64: await base64(file), content_type: contentType(file) });
  phone.input.value = '';
  grow(phone.input);
  choose(phone, true);
  try {
    await call(`/customers/${encodeURIComponent(phone.waId)}/messages`, 'POST', message);
  } catch (error) {
    phone.input.value = body;
    throw error;
  }
}

// ---- faults ----

let faultsTimer = 0;

function drawFaults(items) {
  // A fault that ends with its time goes without an event.
  clearTimeout(faultsTimer);
  const ends = items.filter((fault) => fault.duration_ms !== null).map((fault) => fault.duration_ms);
  if (ends.length) {
    faultsTimer = setTimeout(() => attempt(async () => drawFaults(await call('/faults'))), Math.min(...ends) + 100);
  }
  const toggle = find('faults-toggle');
  toggle.textContent = items.length ? `${texts.faults} (${items.length})` : texts.faults;
  toggle.classList.toggle('on', items.length > 0);
  const list = find('fault-list');
  if (!items.length) {
    list.replaceChildren(element('li', 'nobody', texts.faultNone));
    return;
  }
  list.replaceChildren(...items.map((fault) => {
    const item = element('li', 'fault');
    item.dataset.testid = 'fault';
    const off = element('button', 'plain', texts.faultOff);
    off.type = 'button';
    off.addEventListener('click', () => attempt(() => call(`/faults/${fault.id}`, 'DELETE')));
    const chance = `${Math.round(fault.probability * 100)} %`;
    item.append(
      element('b', '', texts.kinds[fault.kind] || fault.kind),
      element('span', '', `${chance} · ${texts.faultFired(fault.fired)}`), off,
    );
    return item;
  }));
}

async function addFault() {
  const end = find('fault-end').value;
  const fault = { kind: find('fault-kind').value, probability: Number(find('fault-chance').value) };
  if (end === 'once') fault.count = 1;
  if (Number(end) > 0) fault.duration_ms = Number(end);
  await call('/faults', 'POST', fault);
}

// ---- the page ----

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => {
    const made = element('option', '', text);
    made.value = value;
    return made;
  }));
}

function label() {
  document.documentElement.lang = language;
  document.title = `Ponte · ${texts.title}`;
  find('title').textContent = texts.title;
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = texts[node.dataset.text];
  for (const [id, text] of [['person-name', texts.personName], ['person-number', texts.personNumber]]) {
    find(id).placeholder = text;
    find(id).setAttribute('aria-label', text);
  }
  find('phones').dataset.empty = texts.phonesEmpty;
  document.querySelector('.person-form .main').setAttribute('aria-label', texts.personAdd);
  find('people').setAttribute('aria-label', texts.people);
  options(find('fault-kind'), Object.entries(texts.kinds));
  options(find('fault-end'), [
    ['', texts.endNever], ['once', texts.endOnce], ['10000', texts.end10], ['60000', texts.end60],
  ]);
  drawFaults([]);
  drawPeople();
}

async function refresh() {
  for (const customer of await call('/customers')) takeCustomer(customer);
  drawFaults(await call('/faults'));
  for (const phone of phones.values()) await fill(phone);
  if (!phones.size) {
    for (const waId of [...customers.keys()].slice(-room())) await openPhone(waId);
  }
}

function listen() {
  const source = new EventSource('/sim/events');
  const link = find('link');
  const live = (on) => {
    link.firstElementChild.textContent = on ? texts.live : texts.offline;
    link.classList.toggle('off', !on);
  };
  const on = (kind, take) => source.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  on('hello', () => { live(true); attempt(refresh); });
  on('resync', () => attempt(refresh));
  on('customer', takeCustomer);
  on('faults', (data) => drawFaults(data.items));
  on('message', (message) => {
    const phone = phones.get(message.wa_id);
    if (phone) {
      takeMessage(phone, message);
    } else if (message.status === 'delivered' && !unread.has(message.wa_id)) {
      unread.add(message.wa_id);
      drawPeople();
    }
  });
  source.addEventListener('error', () => live(false));
}

find('faults-toggle').addEventListener('click', () => {
  const panel = find('faults');
  panel.hidden = !panel.hidden;
  find('faults-toggle').setAttribute('aria-expanded', String(!panel.hidden));
  if (!panel.hidden) attempt(async () => drawFaults(await call('/faults')));
});
find('fault-form').addEventListener('submit', (event) => { event.preventDefault(); attempt(addFault); });
find('fault-clear').addEventListener('click', () => attempt(() => call('/faults', 'DELETE')));
find('person-form').addEventListener('submit', (event) => { event.preventDefault(); attempt(addPerson); });
window.addEventListener('resize', () => {
  while (phones.size > room()) closePhone(phones.keys().next().value);
});
label();
listen();
