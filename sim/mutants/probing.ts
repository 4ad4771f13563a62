import type { Mutant } from './mutant.ts'

const MASK = 'src/core/session/mask.ts'
const HELLO = 'src/core/session/hello.ts'
const DISCARD = 'src/core/session/discard.ts'
/** A decision tree that learns to tell the proxy from its mask host, with few samples. */
const tests = ['--project', 'unit', 'test/sim/probing/measure.test.ts', '-t', 'in a few samples|without a mask host']

/** What proxies were told from web sites by: thresholds, times, FIN or RST (security.md, R2). */
export const PROBING_MUTANTS: readonly Mutant[] = [
  {
    name: 'a prober sees a reset behind 64 KiB',
    file: MASK,
    find: '    this.#pass(this.#state.flow, this.#state.toSite, chunk)',
    replace:
      '    this.#pass(this.#state.flow, this.#state.toSite, chunk)\n' +
      "    if (this.#session.fromClientBytes > 65_536) this.#session.close('masked', 'masked', 'reset')",
  },
  {
    name: "a prober waits 40 ms more for the site's answer",
    file: MASK,
    find: 'onData: (chunk) => session.guard(() => this.#fromSite(chunk)),',
    replace:
      'onData: (chunk) => { const late = chunk.slice(); session.services.wheel.arm({ at: 0, previous: undefined, ' +
      'next: undefined, isArmed: false, fire: () => session.guard(() => this.#fromSite(late)) }, ' +
      'session.services.clock.mono() + 40) },',
  },
  {
    name: 'a prober is sent away after ten seconds',
    file: MASK,
    find: 'session.setDeadline(jittered(settings.mask.maxTimeMs, random))',
    replace: 'session.setDeadline(10_000)',
  },
  {
    name: "a prober does not get the last byte of the site's answers",
    file: MASK,
    find: 'this.#pass(this.#state.flow, this.#state.toClient, chunk)',
    replace: 'this.#pass(this.#state.flow, this.#state.toClient, chunk.subarray(0, Math.max(1, chunk.length - 1)))',
  },
  {
    name: "a prober's FIN does not reach the site",
    file: MASK,
    find: 'if (this.#hasClientEnded) toSite.end()',
    replace: '',
  },
  {
    name: 'a prober with an old stamp is answered by us',
    file: HELLO,
    find: 'Math.abs(wall - stamp) > settings.mask.skewSec',
    replace: 'Math.abs(wall - stamp) > 1e9',
  },
  {
    name: 'a prober waits until it has said 64 bytes',
    file: HELLO,
    find: 'if (all.length === 0 || isRequest(seen)) {',
    replace: 'if ((all.length === 0 && seen.length >= INIT_LENGTH) || isRequest(seen)) {',
  },
  {
    name: 'a prober with a broken hello gets no answer',
    file: HELLO,
    find: "else if (read.state === 'bad') this.#reject('bad-hello')",
    replace: "else if (read.state === 'bad') this.#session.close('bad-init', 'failed')",
  },
  {
    name: 'a prober that says nothing does not learn that the site has ended',
    file: HELLO,
    find: "if (this.#asking === undefined) this.#reject(this.#seen.length === 0 ? 'first-byte-timeout' : 'handshake-timeout')",
    replace: '',
  },
  {
    name: 'a prober gets another line than the one dialled early',
    file: 'src/core/session/session.ts',
    find: 'line?.isFor(target) === true',
    replace: 'line?.isFor(target) === false',
  },
  {
    name: 'without a mask host the end comes at a round time',
    file: DISCARD,
    find: 'else this.#session.setDeadline(jittered(DISCARD_MS, services.random))',
    replace: 'else this.#session.setDeadline(DISCARD_MS)',
  },
  {
    name: 'without a mask host the end is a reset',
    file: DISCARD,
    find: '    this.#session.client.end()\n',
    replace: "    this.#session.close(this.#reason, this.#outcome(), 'reset')\n    return\n",
  },
].map((mutant) => ({ ...mutant, invariant: 'I15', tests }))
