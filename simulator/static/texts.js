// What the page says, in the languages it speaks; pt-BR unless the address asks for another with ?lang=.

const TEXTS = {
  'pt-BR': {
    title: 'Celulares de teste',
    live: 'ao vivo', offline: 'sem conexão, tentando de novo…',
    faults: 'Dias ruins', faultKind: 'O que dá errado', faultChance: 'Chance', faultEnd: 'Até',
    faultAdd: 'Ligar', faultClear: 'Desligar tudo', faultNone: 'Nenhuma falha ligada: a rede está normal.',
    faultOff: 'Desligar', faultFired: (n) => (n === 1 ? '1 vez' : `${n} vezes`),
    endNever: 'eu desligar', endOnce: 'acontecer uma vez', end10: 'passarem 10 s', end60: 'passar 1 min',
    personAdd: 'Novo cliente', personName: 'Nome', personNumber: 'Número, com país e DDD',
    personEmpty: 'Adicione um cliente para começar.',
    phonesEmpty: 'Cada cliente tem um celular. Abra um da lista, ou adicione um cliente.', unread: 'nova',
    typing: 'digitando…', write: 'Mensagem', send: 'Enviar', attach: 'Anexar arquivo ou nota de voz',
    place: 'Enviar uma localização', placeLabel: 'Hípica Ponte Alta', quote: 'Respondendo: ', quoteHow: 'Clique duas vezes para responder a esta mensagem',
    remove: 'Tirar o anexo', close: 'Fechar este celular', open: 'Abrir o celular de', people: 'Clientes',
    empty: 'Escreva a primeira mensagem.', failed: 'não entregue', notAccepted: 'a empresa não recebeu',
    badNumber: 'Este número não serve: use só dígitos, com país e DDD.', tooBig: 'O arquivo passa de 16 MB.',
    problem: 'Não deu certo: ', image: 'Imagem', audio: 'Áudio', video: 'Vídeo', file: 'Abrir arquivo',
    ticks: { sent: 'enviada', delivered: 'entregue', read: 'lida', failed: 'não entregue' },
    kinds: {
      inbound_duplicate: 'Cliente → empresa: entrega duas vezes', inbound_disorder: 'Cliente → empresa: fora de ordem',
      inbound_delay: 'Cliente → empresa: atraso', inbound_lost: 'Cliente → empresa: aviso perdido',
      outbound_429: 'Empresa → cliente: erro 429', outbound_500: 'Empresa → cliente: erro 500',
      outbound_hang: 'Empresa → cliente: nunca responde', outbound_lost_answer: 'Empresa → cliente: aceita, resposta perdida',
      outbound_63016: 'Empresa → cliente: fora das 24 h (63016)', outbound_63005: 'Empresa → cliente: botões recusados (63005)',
      outbound_63019: 'Empresa → cliente: arquivo não baixado (63019)', outbound_63018: 'Empresa → cliente: limite do canal (63018)',
      outbound_21610: 'Empresa → cliente: descadastrado (21610)', status_duplicate: 'Status: repetido',
      status_disorder: 'Status: fora de ordem', status_lost: 'Status: perdido',
    },
  },
  en: {
    title: 'Test phones',
    live: 'live', offline: 'no connection, trying again…',
    faults: 'Bad days', faultKind: 'What goes wrong', faultChance: 'Chance', faultEnd: 'Until',
    faultAdd: 'Switch on', faultClear: 'Switch all off', faultNone: 'No fault is on: the network is fine.',
    faultOff: 'Switch off', faultFired: (n) => (n === 1 ? 'once' : `${n} times`),
    endNever: 'I switch it off', endOnce: 'it happened once', end10: '10 s have passed', end60: '1 min has passed',
    personAdd: 'New customer', personName: 'Name', personNumber: 'Number with country code',
    personEmpty: 'Add a customer to begin.',
    phonesEmpty: 'Each customer has a phone. Open one from the list, or add a customer.', unread: 'new',
    typing: 'typing…', write: 'Message', send: 'Send', attach: 'Attach a file or a voice note',
    place: 'Send a place', placeLabel: 'Hípica Ponte Alta', quote: 'Answering: ', quoteHow: 'Double-click to answer this message',
    remove: 'Remove the file', close: 'Close this phone', open: 'Open the phone of', people: 'Customers',
    empty: 'Write the first message.', failed: 'not delivered', notAccepted: 'the company did not receive it',
    badNumber: 'This number will not do: digits only, with the country code.', tooBig: 'The file is larger than 16 MB.',
    problem: 'That did not work: ', image: 'Image', audio: 'Audio', video: 'Video', file: 'Open file',
    ticks: { sent: 'sent', delivered: 'delivered', read: 'read', failed: 'not delivered' },
    kinds: {
      inbound_duplicate: 'Customer → company: delivered twice', inbound_disorder: 'Customer → company: out of order',
      inbound_delay: 'Customer → company: delayed', inbound_lost: 'Customer → company: webhook lost',
      outbound_429: 'Company → customer: error 429', outbound_500: 'Company → customer: error 500',
      outbound_hang: 'Company → customer: never answers', outbound_lost_answer: 'Company → customer: accepted, answer lost',
      outbound_63016: 'Company → customer: outside 24 h (63016)', outbound_63005: 'Company → customer: buttons refused (63005)',
      outbound_63019: 'Company → customer: file not fetched (63019)', outbound_63018: 'Company → customer: channel limit (63018)',
      outbound_21610: 'Company → customer: opted out (21610)', status_duplicate: 'Status: repeated',
      status_disorder: 'Status: out of order', status_lost: 'Status: lost',
    },
  },
};

const wanted = new URLSearchParams(window.location.search).get('lang') || 'pt-BR';
export const language = wanted.toLowerCase().startsWith('en') ? 'en' : 'pt-BR';
export const texts = TEXTS[language];
