import type { Mutant } from './mutant.ts'

const HELLO = 'src/core/session/hello.ts'
const HSM = 'src/vault/hsm.ts'
const WAITING = 'src/vault/waiting.ts'
/** More wait than a run has clients. */
const WAITING_TESTS = ['--project', 'unit', 'test/vault/waiting.test.ts']

/** What becomes of clients while the place is out of reach where secrets lie. */
export const VAULT_MUTANTS: readonly Mutant[] = [
  {
    name: 'a vault that cannot say is taken for one that knows no such secret',
    invariant: 'I21',
    file: HELLO,
    find: "if (match === 'failed') this.#reject('vault-failed', hello.sni, spent)",
    replace: "if (match === 'failed') this.#reject('bad-digest', hello.sni, spent)",
  },
  {
    name: 'a vault that cannot say is taken for one that knows the secret',
    invariant: 'I21',
    also: 'I2',
    file: HELLO,
    find: "if (match === 'failed') this.#reject('vault-failed', hello.sni, spent)",
    replace: `if (match === 'failed')
          this.#judgeHello(
            hello,
            consumed,
            { kind: 'client-hello', id: all[0], generation: 0, stamp: this.#session.services.clock.wall() },
            spent,
          )`,
  },
  {
    name: 'whoever the vault keeps waiting is blamed for the time it takes',
    invariant: 'I21',
    file: HELLO,
    find: "if (this.#asking !== undefined) this.#reject('vault-failed', this.#asking.sni)",
    replace: "if (this.#asking !== undefined) this.#reject('handshake-timeout', this.#asking.sni)",
  },
  {
    name: 'a late answer of the vault is acted on by a stage that is over',
    invariant: 'I21',
    also: 'I8',
    file: HELLO,
    find: 'if (this.#hasLeft) return\n    this.#session.guard',
    replace: 'this.#session.guard',
  },
  {
    name: 'a question that waits for the vault is answered as well',
    invariant: 'I21',
    file: WAITING,
    find: "if (match !== 'failed' || !keep()) reply(match, spent)",
    replace: "if (match !== 'failed' || keep() || true) reply(match, spent)",
  },
  {
    name: 'a question waits for the vault for ever',
    invariant: 'I21',
    file: WAITING,
    find: 'filter(({ untilMs }) => untilMs <= now())',
    replace: 'filter(({ untilMs }) => untilMs < 0 * now())',
  },
  {
    name: 'a question that waited is forgotten when the vault is back',
    invariant: 'I21',
    file: WAITING,
    find: 'this.#ask(question, true)',
    replace: 'void question',
  },
  {
    name: 'any number of questions wait for the vault',
    invariant: 'I21',
    file: WAITING,
    find: 'if (this.#waiting.length >= WAITING_MAX ||',
    replace: 'if (this.#waiting.length >= 1e9 ||',
    tests: WAITING_TESTS,
  },
  {
    name: 'a token that is back is not asked again',
    invariant: 'I21',
    also: 'I1',
    file: HSM,
    find: 'this.#breaker.close()',
    replace: 'void this.#breaker',
  },
  {
    name: 'wrong answers of a token are believed for as long as nobody tests it',
    invariant: 'I21',
    file: HSM,
    find: "reply(hasFailed || !this.#isSound() ? 'failed' : undefined, trials)",
    replace: "reply(hasFailed ? 'failed' : undefined, trials)",
  },
  {
    name: 'a secret that the token does not have is taken for one that does not fit',
    invariant: 'I21',
    file: HSM,
    find: 'if (entry.generations === undefined) hasFailed = true',
    replace: 'void hasFailed',
  },
  {
    name: 'a known answer that is wrong does not matter',
    invariant: 'I21',
    also: 'I1',
    file: HSM,
    find: "if (!stillAnswers(this.#trialKey)) this.#giveUp('it gives wrong answers')",
    replace: 'stillAnswers(this.#trialKey)',
  },
  {
    name: 'a vault that cannot say is held against the source',
    invariant: 'I21',
    file: 'src/core/guard/blame.ts',
    find: "'trial-budget': 'failure',",
    replace: "'trial-budget': 'failure',\n  'vault-failed': 'failure',",
  },
  {
    name: 'live relays are closed while the vault does not answer',
    invariant: 'I21',
    file: 'src/core/proxy.ts',
    find: 'this.#services.guard.advance(nowMs)',
    replace: `this.#services.guard.advance(nowMs)
    this.#services.vault.sign({ id: 1, generation: 0 }, [], (mac) => {
      if (mac === undefined) for (const session of [...this.#sessions]) if (session.stage.name === 'relay') session.kill()
    })`,
  },
]
