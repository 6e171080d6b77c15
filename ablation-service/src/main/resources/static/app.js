'use strict';

const $ = (id) => document.getElementById(id);
let model = null;
const runs = new Map();
const watched = new Map();

/** Calls the service; an error carries what the service says. */
async function call(method, path, body, type = 'application/json') {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {Accept: 'application/json'}
        : {'Content-Type': type, Accept: 'application/json'},
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail || `${response.status} ${response.statusText}`);
  }
  return response.status === 204 || response.headers.get('Content-Length') === '0'
      ? null : response.json().catch(() => null);
}

/** Makes an element; text is never read as HTML. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

async function loadModel() {
  model = await call('GET', 'api/model');
  $('model').textContent = `${model.name} on ${model.device}`;
  $('targets').replaceChildren(
      ...[...model.styles, ...model.objects].map((value) => make('option', {value})));
  showVariants(model.variants);
}

function showVariants(variants) {
  for (const [id, usual] of [['left', 'base'], ['right', variants.at(-1).name]]) {
    const select = $(id);
    const chosen = variants.some((variant) => variant.name === select.value) ? select.value : usual;
    select.replaceChildren(...variants.map((variant) => make('option', {textContent: variant.name})));
    select.value = chosen;
  }
  $('variants').replaceChildren(...variants.map((variant) => {
    const actions = make('td');
    if (variant.name !== 'base') {
      const undo = make('button', {type: 'button', textContent: 'Undo'});
      undo.setAttribute('aria-label', `Undo variant ${variant.name}`);
      undo.addEventListener('click', () => undoVariant(variant.name));
      actions.append(undo);
    }
    return make('tr', {},
        make('th', {scope: 'row', textContent: variant.name}),
        make('td', {textContent: variant.deltas.join(', ') || 'nothing'}),
        actions);
  }));
}

async function refreshVariants() {
  showVariants(await call('GET', 'api/variants'));
}

async function undoVariant(name) {
  await call('DELETE', `api/variants/${encodeURIComponent(name)}`);
  await refreshVariants();
}

/** The job file of the form. */
function job() {
  const target = {name: $('target').value.trim()};
  if ($('kind').value) {
    target.kind = $('kind').value;
  }
  if ($('anchor').value.trim()) {
    target.anchor = $('anchor').value.trim();
  }
  const method = $('method').value === 'closed-form' ? {closedForm: {kind: 'sequences'}} : 'recommended';
  const described = {model: model.location, targets: [target], method};
  if (!$('evaluate').checked) {
    described.evaluation = {evaluator: 'none'};
  }
  return described;
}

/** What is drawn while a run trains: the target, and something that should stay. */
function previewPrompts() {
  const target = $('target').value.trim();
  if (model.styles.includes(target)) {
    const other = model.styles.find((style) => style !== target);
    return [`a cat face, ${target} style`, `a guitar, ${target} style`, `a cat face, ${other} style`];
  }
  return [`a ${target}`, 'a guitar'];
}

function tell(id, message) {
  $(id).textContent = message;
}

async function busy(button, work, messages) {
  button.disabled = true;
  tell(messages, '');
  try {
    await work();
  } catch (error) {
    tell(messages, error.message);
  } finally {
    button.disabled = false;
  }
}

$('estimate').addEventListener('click', () => busy($('estimate'), async () => {
  $('costs').replaceChildren();
  if (!$('remove').reportValidity()) {
    return;
  }
  const estimated = await call('POST', 'api/estimates', job());
  tell('remove-message', estimated.problems.join('\n'));
  $('costs').replaceChildren(...[...estimated.warnings, ...estimated.costs]
      .map((textContent) => make('li', {textContent})));
}, 'remove-message'));

$('remove').addEventListener('submit', (event) => {
  event.preventDefault();
  busy(event.submitter, async () => {
    const previews = $('method').value === 'closed-form' ? [] : previewPrompts();
    const query = previews.map((prompt) => `preview=${encodeURIComponent(prompt)}`).join('&');
    const run = await call('POST', `api/runs?${query}`, job());
    show(run);
    watch(run.id);
  }, 'remove-message');
});

function watch(id) {
  if (watched.has(id)) {
    return;
  }
  const events = new EventSource(`api/runs/${id}/events`);
  watched.set(id, events);
  events.onmessage = (message) => {
    const run = JSON.parse(message.data);
    show(run);
    if (run.state !== 'WAITING' && run.state !== 'RUNNING') {
      events.close();
      watched.delete(id);
    }
  };
}

function chart(losses) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.classList.add('loss');
  svg.setAttribute('viewBox', '0 0 100 100');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  const last = losses.at(-1);
  svg.setAttribute('aria-label', `Loss by step; ${last.loss.toPrecision(3)} at step ${last.step}`);
  const least = Math.min(...losses.map((point) => Math.log(point.loss)));
  const most = Math.max(...losses.map((point) => Math.log(point.loss)));
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute('points', losses.map((point, i) => {
    const x = losses.length < 2 ? 0 : 100 * i / (losses.length - 1);
    const y = most === least ? 50 : 95 - 90 * (Math.log(point.loss) - least) / (most - least);
    return `${x.toFixed(2)},${y.toFixed(2)}`;
  }).join(' '));
  svg.append(line);
  return svg;
}

const STATES = {
  WAITING: 'waits', RUNNING: 'runs', DONE: 'done', FAILED: 'failed', STOPPED: 'stopped',
};

function show(run) {
  runs.set(run.id, run);
  $('no-runs').hidden = true;
  const item = make('li', {id: `run-${run.id}`});
  const head = make('div', {className: 'run-head'},
      make('strong', {textContent: run.targets.join(', ')}),
      make('span', {textContent: `run ${run.id}`}),
      make('span', {
        className: `state ${STATES[run.state]}`,
        textContent: run.state === 'RUNNING'
            ? `${run.stage}, ${Math.floor(100 * run.fraction)} %` : STATES[run.state],
      }));
  item.append(head);
  if (run.state === 'RUNNING') {
    const bar = make('progress', {max: 1, value: run.fraction});
    bar.setAttribute('aria-label', `${run.targets.join(', ')}: ${run.stage}`);
    item.append(bar);
  }
  if (run.problem) {
    item.append(make('p', {className: 'message', textContent: run.problem}));
  }
  if (run.losses.length > 1) {
    item.append(chart(run.losses));
  }
  if (run.previews.length > 0) {
    item.append(make('div', {className: 'strip'}, ...run.previews.map((preview) =>
        make('figure', {},
            ...preview.files.map((file) => make('img', {
              src: `api/runs/${run.id}/preview/${file}`, alt: `after step ${preview.step}`,
            })),
            make('figcaption', {textContent: preview.step === 0 ? 'before' : `step ${preview.step}`})))));
  }
  for (const verdict of run.verdicts) {
    item.append(make('p', {
      className: `verdict ${verdict.met ? 'met' : 'missed'}`, textContent: verdict.limit,
    }));
  }
  item.append(actionsOf(run));
  const present = $(item.id);
  if (present) {
    present.replaceWith(item);
  } else {
    $('runs').prepend(item);
  }
}

function actionsOf(run) {
  const actions = make('p', {className: 'actions'});
  const button = (text, work) => {
    const made = make('button', {type: 'button', textContent: text});
    made.setAttribute('aria-label', `${text}: run ${run.id}, ${run.targets.join(', ')}`);
    made.addEventListener('click', () => busy(made, work, 'remove-message'));
    actions.append(made);
  };
  if (run.state === 'WAITING' || run.state === 'RUNNING') {
    button('Stop', () => call('DELETE', `api/runs/${run.id}`));
  }
  if (run.state === 'STOPPED') {
    button('Resume', async () => {
      show(await call('POST', `api/runs/${run.id}/resume`));
      watch(run.id);
    });
  }
  if (run.state === 'DONE') {
    button('Apply', async () => {
      const name = `without-${run.targets.join('-')}`.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64);
      await call('PUT', `api/variants/${name}`, {runs: [run.id]});
      await refreshVariants();
      $('right').value = name;
    });
    actions.append(
        make('a', {href: `api/runs/${run.id}/report`, target: '_blank', rel: 'noopener', textContent: 'Report'}),
        make('a', {href: `api/runs/${run.id}/delta`, textContent: 'Delta'}));
  }
  return actions;
}

$('draw').addEventListener('submit', (event) => {
  event.preventDefault();
  busy(event.submitter, async () => {
    const names = [...new Set([$('left').value, $('right').value])];
    const drawn = await Promise.all(names.map((variant) => call('POST', 'api/images', {
      prompt: $('prompt').value, seed: Number($('seed').value), count: Number($('count').value), variant,
    })));
    $('pictures').replaceChildren(...drawn.map((result) => make('div', {},
        make('h3', {textContent: result.variant}),
        make('div', {className: 'strip'}, ...result.images.map((image) => make('img', {
          src: `data:image/png;base64,${image.png}`,
          alt: `${$('prompt').value}, seed ${image.seed}, ${result.variant}`,
        }))))));
  }, 'draw-message');
});

(async () => {
  try {
    await loadModel();
    for (const run of await call('GET', 'api/runs')) {
      show(run);
      if (run.state === 'WAITING' || run.state === 'RUNNING') {
        watch(run.id);
      }
    }
  } catch (error) {
    tell('model', error.message);
  }
})();
