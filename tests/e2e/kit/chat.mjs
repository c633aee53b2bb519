// One cluster named `chat` of the kit's own app, the way most tests want it, and an asker of
// places.
import { monotonic_ms, wait_for } from './wait.mjs';

// The stack file's text for start_stack. `app` is a file of the kit; `env` its environment; `keys`
// are further keys of the cluster, or other values for those below.
export function chat({ app = 'odd.mjs', env = {}, ports, ...keys } = {}) {
  return ({ listen, ports: range, kit, ...words }) => {
    const cluster = {
      run: `node ${kit}/${app}`,
      env: { ODD_FILE: `${words.folder}/odd`, ...env },
      url: 'ws://${host}:${port}',
      ready: '{ http: /healthz, within: 20s }',
      count: '{ http: /stats, field: connections, accepted: accepted }',
      capacity: 100,
      instances: 2,
      hold: '5s', // who asked and did not come is forgotten soon
      settle: '2s',
      step: '100%',
      drain: '{ deadline: none, tell: "POST /drain", grace: 5s }',
      ...keys,
    };
    cluster.env = `{ ${Object.entries(cluster.env)
      .map(([name, value]) => `${name}: "${value}"`)
      .join(', ')} }`;
    return [
      'stack: chatting',
      `api: { listen: "${listen}", ports: ${ports ? ports(words) : range} }`,
      'clusters:',
      '  chat:',
      ...Object.entries(cluster).map(([key, value]) =>
        key === 'run' || key === 'url' ? `    ${key}: "${value}"` : `    ${key}: ${value}`,
      ),
      '',
    ].join('\n');
  };
}

// Asks for a place again and again, gives it back at once, and writes down where each led.
export class Asker {
  // keeps_line false: a plain client, that never names the place in line it was given.
  constructor(fleet, { every = 50, keeps_line = true } = {}) {
    Object.assign(this, { fleet, keeps_line, answers: [], is_over: false });
    this.ended = this.ask(every);
  }

  async ask(every) {
    let line; // its place in line
    while (!this.is_over) {
      const asked_ms = monotonic_ms();
      try {
        const { status, body } = await this.fleet.place('chat', { seats: 1, line });
        line = this.keeps_line ? body.line : undefined;
        this.answers.push({ asked_ms, status, instance: body.instance ?? null });
        if (status < 300) await this.fleet.give_back('chat', body.id);
      } catch (problem) {
        this.answers.push({ asked_ms, status: 0, instance: null, problem });
      }
      await new Promise((resolve) => setTimeout(resolve, every));
    }
  }

  // Waits until somebody who asked after this call was sent there, or to any but some: where to.
  async sent_to(instance, within = 60_000) {
    const what = `a place on ${instance}`;
    return (await this.sent((one) => one.instance === instance, { within, what })).instance;
  }
  async sent_beyond(instances, within = 60_000) {
    const is_other = ({ instance }) => instance && !instances.includes(instance);
    const what = `a place on any but ${instances}`;
    return (await this.sent(is_other, { within, what })).instance;
  }
  sent(is_it, options) {
    const now = monotonic_ms();
    return wait_for(async () => {
      const found = this.answers.find((one) => one.asked_ms > now && is_it(one));
      if (found) return found;
      const told = this.answers.slice(-3).map((one) => one.problem?.message ?? one);
      throw new Error(`${this.answers.length} answers, the last ${JSON.stringify(told)}`);
    }, options);
  }

  // Who asked when last and was sent there; 0: nobody.
  last_sent_to(instance) {
    return this.answers.findLast((one) => one.instance === instance)?.asked_ms ?? 0;
  }

  async end() {
    this.is_over = true;
    await this.ended;
  }
}
