// Draws messages and customers. Every text from outside goes through textContent.

import { language, texts } from '/static/texts.js';

const SVG = 'http://www.w3.org/2000/svg';
const CLOCK = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
const MARKS = { sent: ['M3 9l4 4 8-9'], delivered: ['M1 9l4 4 8-9', 'M8 13l8-9'], failed: ['M9 3v8M9 14v1'] };
MARKS.read = MARKS.delivered;

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function marks(ticks) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 18 16');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', texts.ticks[ticks]);
  svg.setAttribute('class', `ticks ${ticks}`);
  for (const d of MARKS[ticks]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

function player(file) {
  const family = file.content_type.split('/')[0];
  if (family === 'image') {
    const image = element('img', 'shown');
    image.alt = texts.image;
    image.src = file.url;
    return image;
  }
  if (family === 'audio' || family === 'video') {
    const media = element(family, 'shown');
    media.controls = true;
    media.preload = 'metadata';
    media.src = file.url;
    media.setAttribute('aria-label', texts[family]);
    return media;
  }
  const link = element('a', 'file', `${texts.file} (${file.content_type})`);
  link.href = file.url;
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  return link;
}

// A phone shows what reached it; what failed is shown faintly, since the one who looks is testing.
export function isShown(message) {
  return message.direction === 'inbound' || !['queued', 'sent'].includes(message.status);
}

// What a message is beside its text and files: a place, a mark, the message that it quotes.
function beside(fields) {
  const made = [];
  if (fields.Forwarded) made.push(element('p', 'quoted', '↪'));
  if (fields.OriginalRepliedMessageSid) {
    const quoted = document.querySelector(`[data-sid="${CSS.escape(fields.OriginalRepliedMessageSid)}"] .text`);
    made.push(element('p', 'quoted', quoted ? quoted.textContent : '…'));
  }
  if (fields.Latitude) {
    const point = `${fields.Latitude}, ${fields.Longitude}`;
    made.push(element('p', 'text', [fields.Label, fields.Address, point].filter(Boolean).join('\n')));
  }
  return made;
}

export function drawMessage(message) {
  const item = element('li', `message ${message.direction}`);
  item.dataset.testid = 'message';
  item.dataset.direction = message.direction;
  item.dataset.sid = message.sid;
  item.dataset.seq = message.seq;
  item.title = texts.quoteHow;
  refreshMessage(item, message);
  return item;
}

export function refreshMessage(item, message) {
  item.dataset.status = message.status;
  item.dataset.ticks = message.ticks || '';
  const failed = message.status === 'failed' || message.ticks === 'failed';
  item.classList.toggle('failed', failed);
  const files = message.media.map((file) => file.sid).join();
  if (item.dataset.files !== files) {
    item.dataset.files = files;
    item.replaceChildren(...beside(message.fields), ...message.media.map(player));
    if (message.body) item.append(element('p', 'text', message.body));
    item.append(element('p', 'foot'));
  }
  const foot = item.lastElementChild;
  foot.replaceChildren(element('time', '', CLOCK.format(new Date(message.at))));
  if (message.ticks) foot.append(marks(message.ticks));
  if (failed) {
    const why = message.direction === 'outbound' ? `${texts.failed} (${message.error_code})` : texts.notAccepted;
    foot.prepend(element('span', 'why', why));
  }
}

export function hue(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 12;
  return sum;
}

export function face(node, customer) {
  node.textContent = customer.name.trim().slice(0, 1).toUpperCase() || '?';
  node.dataset.hue = hue(customer.wa_id);
}

export function number(waId) {
  if (!/^\d+$/.test(waId)) return waId;
  const brazil = /^(55)(\d\d)(\d{4,5})(\d{4})$/.exec(waId);
  return brazil ? `+${brazil[1]} ${brazil[2]} ${brazil[3]}-${brazil[4]}` : `+${waId}`;
}
